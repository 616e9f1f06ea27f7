"""How it is found, line by line, each with its reason: in index notation and with Frobenius products."""
