"""The composite-loss paper: networks, losses, scorers and the study of a joint space."""
