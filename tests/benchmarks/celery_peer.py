"""What our outbox is measured against: one Celery task with an ETA for each message, one row update each,
with Celery's own defaults. Runs in the worker process; knows no Django."""

from __future__ import annotations

import os

import psycopg
from celery import Celery

_redis = os.environ.get("REDIS_URL", "")
app = Celery(
    "peer",
    broker=("redis+socket://" + _redis.removeprefix("unix://").replace("?db=0", "?virtual_host=1"))
    if _redis.startswith("unix://")
    else _redis,
)
app.conf.update(task_default_queue="peer", task_ignore_result=True, broker_connection_retry_on_startup=True)

_connection: psycopg.Connection | None = None


@app.task(name="peer.settle")
def settle(number: int) -> None:
    """The least a task can do: no claim, no intent, no log."""
    global _connection
    if _connection is None:  # one for each worker process, kept open
        _connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    _connection.execute("UPDATE bench_peer SET done_at = clock_timestamp() WHERE id = %s", [number])
