"""The laboratory: training, measuring and studying models. The product imports nothing of it."""
