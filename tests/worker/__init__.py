"""Tests of the worker: its jobs, and what they send."""
