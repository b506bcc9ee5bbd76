"""Checks on a Ray cluster."""
