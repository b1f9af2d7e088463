"""A model of one's own: the shipped one, corrected by a few dozen to some thousand labels."""
