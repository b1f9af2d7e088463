"""Training the networks of `hevner.music`, on songs with chords, keys and beats known."""
