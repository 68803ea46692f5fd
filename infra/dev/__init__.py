"""Looks after this project: known vulnerabilities, policies, and a new version."""
