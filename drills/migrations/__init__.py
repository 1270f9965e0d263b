"""Changes of the schema while people work."""
