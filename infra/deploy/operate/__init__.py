"""A stage in operation: what failed is redone, and a restored table is taken into use."""
