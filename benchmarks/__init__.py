"""Measurements; not part of the product or its tests."""
