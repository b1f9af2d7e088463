"""Training of the unified model: rows, losses, sampling and the loop. Needs torch."""
