"""Long proofs that stand apart from the tests: `make drill` lists them."""
