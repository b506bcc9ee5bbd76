"""The results of a pytest run, as files and on the terminal."""
