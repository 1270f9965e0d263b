"""The walk of CONTRIBUTING.md, followed in a copy of the checkout."""
