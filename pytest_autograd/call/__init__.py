"""One call of the checked code: what goes in, what comes out, and the same call with other values."""
