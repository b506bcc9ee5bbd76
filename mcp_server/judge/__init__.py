"""The process that decides and never imports submitted code."""
