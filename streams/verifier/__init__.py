"""The compaction job: the whole snapshot against the whole directory (design section 6)."""
