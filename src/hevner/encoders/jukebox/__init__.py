"""Jukebox (Dhariwal et al., 2020): states of its generative transformer as embeddings.

Conventions
-----------
The embedding is the one of Castellon et al. (ISMIR 2021): mono audio at 44.1 kHz, scaled to a peak
of 1; tokens of the top level of the VQ-VAE; the output of a block of the top prior, the 36th by
default, averaged over the tokens of a window (8192, or 23.8 s). The published results are those of
``jukebox-5b``. The two models with lyrics get empty ones, see
`hevner.encoders.jukebox.prior`.
"""
