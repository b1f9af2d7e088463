"""Models at run time."""
