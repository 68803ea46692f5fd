"""What a person at a terminal does with a running service."""
