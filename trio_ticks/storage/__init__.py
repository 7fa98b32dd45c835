"""KEEPS: how records are written down and read back."""
