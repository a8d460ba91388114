"""The parts of a verification: the snapshot, the comparison with the directory, the corrections (design section 6)."""
