"""The test suite: each folder is named for the question that its tests answer."""
