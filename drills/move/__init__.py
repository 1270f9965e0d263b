"""A clinic moves to another server, under load."""
