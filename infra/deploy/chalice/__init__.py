"""Chalice: what it is told, what it records, what it is run with, and what is uploaded."""
