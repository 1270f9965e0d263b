"""Books with and without the fold of the analytics, and times their figures."""
