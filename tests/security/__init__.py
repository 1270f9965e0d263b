"""Security tests: no caller reads or changes more than its rights allow."""
