"""What is declared of a Function once, for every test, the audit of a suite and the command line."""
