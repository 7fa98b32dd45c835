"""DECIDES: values in, values out. No task, socket, clock, randomness or logging in here."""
