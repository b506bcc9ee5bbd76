"""The tools that a client can call."""
