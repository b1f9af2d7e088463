"""Measuring models and their peers."""
