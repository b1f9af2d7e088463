"""Training and measuring tempo, beats and meter."""
