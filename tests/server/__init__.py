"""Tests of the server: settings, start, stop, deployment, database, tokens and commands."""
