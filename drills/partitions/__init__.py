"""Partition the consultations by their id under load."""
