"""A stage on AWS: deploying it, and operating it."""
