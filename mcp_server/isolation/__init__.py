"""What submitted code cannot do."""
