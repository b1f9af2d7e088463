"""Regressions from blocks of features to valence and arousal."""
