"""The tasks, by domain. Each module here is imported by the worker (worker.app)."""
