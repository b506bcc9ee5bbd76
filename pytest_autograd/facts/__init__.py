"""What was observed of one call: each fact computed once, or the reason why it cannot be had."""
