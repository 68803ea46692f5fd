"""What our own requests to AWS have in common; those of the SDKs look after themselves."""
