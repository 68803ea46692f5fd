"""Posting one body to many connections: our client, the usual ones, and what the machine allows at most."""
