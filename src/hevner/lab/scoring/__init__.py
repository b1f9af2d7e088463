"""Scoring a finished model on labelled music: readings, what it knows already, scores, page."""
