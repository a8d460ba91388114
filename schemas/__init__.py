"""Data, names and errors. Imports nothing of ours."""
