"""The worker: runs the jobs that the database enqueues, and the schedule. `python -m worker`."""
