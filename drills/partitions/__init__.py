"""Consultations are partitioned by their id while people work."""
