"""Training of the joint space of music and emotion: losses and the study. Needs torch."""
