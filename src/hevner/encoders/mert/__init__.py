"""MERT v1, music encoders trained by masked modelling.

Conventions
-----------
Audio is mono at 24 kHz, full scale 1, in windows of 30 s. A vector holds means over the frames of a
window (75 a second) of the chosen states, see `hevner.encoders.base`. The network is transformers'
own `HubertModel`; no code that comes with weights is run.

A norm and the attention span the window, so the window is part of the encoder: other lengths give
other numbers, and nothing is ever padded. Music shorter than 30 s is one window as long as it is.

Source: Y. Li et al., MERT: acoustic music understanding model with large-scale self-supervised
training, ICLR 2024.
"""
