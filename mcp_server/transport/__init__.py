"""HTTP and who may use it."""
