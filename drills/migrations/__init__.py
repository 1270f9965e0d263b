"""Changes of the schema under load."""
