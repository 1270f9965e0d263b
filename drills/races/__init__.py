"""Many clients send conflicting requests at the same moment, over and over."""
