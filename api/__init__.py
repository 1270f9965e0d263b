"""The HTTP side of the clinic: who are you, is the shape right, one call into the database."""
