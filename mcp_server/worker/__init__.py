"""The process that runs submitted code."""
