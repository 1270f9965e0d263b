"""The SQL functions against a small model of the clinic, at random."""
