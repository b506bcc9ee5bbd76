"""From a text of Python to the target named in it, and to inputs for it."""
