"""What we rely on in other people's code."""
