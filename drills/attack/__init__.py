"""The security tests, with many more random calls."""
