"""The harmony network: its training music, its training and its scores."""
