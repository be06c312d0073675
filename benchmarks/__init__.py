"""Measurements of Kullback that a stranger can repeat."""
