"""Talks to AWS: without an SDK where a cold start can't pay for one, else with botocore and PynamoDB."""
