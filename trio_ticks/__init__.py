"""Live market ticks on Trio."""
