"""How long the hot paths take with a history of years: figures, not tests."""
