"""The same strategies on recorded time."""
