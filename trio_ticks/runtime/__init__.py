"""RUNS: the Trio tasks, channels and scopes between the socket and the strategies. `engine` holds the tree."""
