"""A clinic at work while everything around it fails, and a checker that trusts nobody."""
