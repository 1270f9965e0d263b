"""What the tests are worth: the schema is broken on purpose, and they have to notice."""
