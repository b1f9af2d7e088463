"""Dress rehearsals: each paper's experiment on small made-up archives and random weights.

``commands.toml`` has the commands of each paper, which are those of a user with the real archives;
`archives` and `music` make the archives, `weights` the weights, and `steps` runs the commands. What
comes out shows that the way is open, and what it costs; its scores mean nothing.
"""

VARIABLE = "HEVNER_REDUCED"
"""Variable of the environment that names the encoders to reduce, parted by spaces."""
