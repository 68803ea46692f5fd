"""One stage on AWS: what surrounds the functions, the functions, and what Chalice leaves undone."""
