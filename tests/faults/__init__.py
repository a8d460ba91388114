"""Faults that are real: killed, frozen, cut off, full, read-only."""
