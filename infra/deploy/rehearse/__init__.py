"""A whole deployment rehearsed on this machine, before anyone pays for it."""
