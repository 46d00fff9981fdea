"""Thousands of texts through real workers that are killed every 300 ms, while the database restarts, Redis is
emptied, a worker stands still beyond its lease and the provider misbehaves; and the same to one Celery ETA
task for each. `python -m tests.chaos --messages 2000`."""
