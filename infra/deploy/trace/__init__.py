"""One event, followed through the logs from its request to each delivery."""
