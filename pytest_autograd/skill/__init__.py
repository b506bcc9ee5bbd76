"""The skill as data: sections, search, installation."""
