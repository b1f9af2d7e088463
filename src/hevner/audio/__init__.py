"""Audio: decoding, windows over a stream, and fingerprints."""
