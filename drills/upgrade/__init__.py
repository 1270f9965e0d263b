"""A newer major version of PostgreSQL, under load."""
