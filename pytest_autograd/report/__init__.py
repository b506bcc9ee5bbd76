"""What a check and a pytest run found, as plain values; no torch."""
