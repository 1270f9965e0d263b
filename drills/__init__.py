"""Long checks that stand apart from the tests: `make drill` lists them."""
