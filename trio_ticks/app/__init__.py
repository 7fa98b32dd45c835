"""What people start: the command line, the demo, the blocking `run`. The only layer that opens signal receivers."""
