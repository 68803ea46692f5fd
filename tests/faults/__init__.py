"""Each fault that can happen to the service is made to happen here; README.md lists them."""
