"""Crowds: all want one sold-out slot, or all log in at once."""
