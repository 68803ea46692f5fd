"""A small night on real tables: what it leaves in them, and what each access costs."""
