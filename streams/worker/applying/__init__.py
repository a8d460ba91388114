"""One state to its entry (design sections 4 and 5)."""
