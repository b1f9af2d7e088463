"""Labelled music as numbers: features of tracks, labels, and samples that pair them."""
