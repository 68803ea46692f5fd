"""A running Game Night Live, as a person at a terminal uses it."""
