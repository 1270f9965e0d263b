"""How strong the tests are: the schema is broken on purpose, and a test must fail."""
