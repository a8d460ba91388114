"""Runs things: Faust worker, HTTP services, command line."""
