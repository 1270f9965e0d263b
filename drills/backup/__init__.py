"""Backups under load, and restores to a moment."""
