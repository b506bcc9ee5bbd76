"""Who waits, who runs, what is counted."""
