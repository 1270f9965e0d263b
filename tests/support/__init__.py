"""Shared by all tests: server, database, people, clients. Imports no other folder of tests."""
