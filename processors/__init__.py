"""Pure decisions: what an entry should be. No I/O, no clock."""
