"""Explanations of readings: what they are fitted to, and whether they are faithful."""
