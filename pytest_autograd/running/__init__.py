"""The author's code is run here and nowhere else: seeded, timed, its phase told, its traces put back."""
