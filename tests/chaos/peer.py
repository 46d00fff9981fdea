"""What people write instead of an outbox: one Celery task with an ETA for each message, with every safety
flag on. It posts to the same provider and then notes that it has."""

from __future__ import annotations

import base64
import http.client
import os
from urllib.parse import urlencode, urlsplit

import psycopg
from celery import Celery

_redis = os.environ["REDIS_URL"]
app = Celery(
    "chaos_peer",
    broker="redis+socket://" + _redis.removeprefix("unix://").replace("?db=0", "?virtual_host=1"),
)
app.conf.update(
    task_default_queue="peer",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 600},
)


@app.task(name="peer.send", bind=True, max_retries=10, default_retry_delay=1)
def send(self, number: int) -> None:  # type: ignore[no-untyped-def]
    parts = urlsplit(os.environ["TEXT_URL"])
    try:
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1)
        form = {"To": f"+1{3_000_000_000 + number}", "From": "+12025550100", "Body": "A note for you."}
        line.request("POST", "/2010-04-01/Accounts/AC0000/Messages.json", urlencode(form), _headers())
        status = line.getresponse().status
        line.close()
        if status >= 300:
            raise OSError(status)
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("UPDATE chaos_peer SET done_at = clock_timestamp() WHERE id = %s", [number])
    except (OSError, http.client.HTTPException, psycopg.Error) as error:
        raise self.retry(exc=error) from error


def _headers() -> dict[str, str]:
    name = base64.b64encode(f"{os.environ['TEXT_ACCOUNT']}:{os.environ['TEXT_TOKEN']}".encode()).decode()
    return {"Authorization": f"Basic {name}", "Content-Type": "application/x-www-form-urlencoded"}
