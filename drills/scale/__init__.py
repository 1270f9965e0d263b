"""Times the hot paths with a history of years: figures, not tests."""
