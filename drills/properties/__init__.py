"""The property tests, with many more random histories."""
