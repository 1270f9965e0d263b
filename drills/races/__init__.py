"""Many clients at the same moment, over and over: `python -m drills.races`."""
