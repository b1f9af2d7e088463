"""Fit the common space of music and emotion that ships with hevner."""
