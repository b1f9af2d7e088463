"""The default model: its recipe, its training and its scores."""
