"""Before publishing: what a new version would change for two hundred courses in flight, all shown at once.

Asked of a real web server with two processes, as a browser asks it: the page, then its parts over six
connections. The time is until the last part is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from http.client import HTTPConnection
from queue import SimpleQueue
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic import clock
from clinic.actors import acting
from protocols.operations import load_protocol
from sessions.queries.preview import preview
from tests.benchmarks.caseload import caseload
from tests.benchmarks.lines import Line, median_seconds
from tests.support.cast import make_cast
from tests.support.processes import Processes, free_port
from tests.support.second_version import second_text

COURSES = 200
SECONDS = 2.0
CORES = 2
CONNECTIONS = 6  # that a browser opens to one host
WRITES = ("INSERT", "UPDATE", "DELETE")

Get = Callable[[Sequence[str]], Sequence[str]]
"""Addresses → what is there, all asked for at once."""


def lines(full: bool) -> Iterator[Line]:
    cast = make_cast("preview", now=clock.now())
    caseload(cast, count=COURSES)
    draft = load_protocol(
        actor=cast.actor("finn"), clinic=cast.clinic, text=second_text(), now=clock.now() - timedelta(hours=1)
    )
    with CaptureQueriesContext(connection) as queries, acting(cast.actor("carla", at=clock.now())):
        found = preview(cast.actor("carla", at=clock.now()), version=draft, now=clock.now())
    assert found.count == COURSES, f"{found.count} courses"
    assert found.touched("dates") > COURSES / 2, "the second version changes most of them"
    written = sum(query["sql"].lstrip().startswith(WRITES) for query in queries)
    client = Client()
    client.force_login(cast.people["carla"], backend="allauth.account.auth_backends.AuthenticationBackend")
    address = reverse("sessions:version_preview", args=(cast.clinic.slug, draft.protocol.public_id))
    with browser(client.cookies[settings.SESSION_COOKIE_NAME].value) as get:

        def look() -> None:
            (page,) = get([f"{address}?version={draft.version}"])
            parts = get([address + unescape(part) for part in re.findall(r'hx-get="([^"]+)"', page)])
            shown = sum(one.count('<h2 id="course-') for one in (page, *parts))
            assert shown == len(found.courses), f"{shown} courses shown"

        for _ in range(3):  # both processes have read the definitions
            look()
        took = median_seconds(look, times=9 if full else 5)
    yield Line(
        name=f"preview of {COURSES} courses",
        ours=f"{took:.2f}s",
        against=f"{SECONDS:g}s",
        ratio=took / SECONDS,
        target=1,
        at_least=False,
    )
    yield Line(
        name="preview: writes",
        ours=str(written),
        against="0",
        ratio=written,
        target=0,
        at_least=False,
        unit="",
    )


@contextmanager
def browser(session: str) -> Iterator[Get]:
    """Asks a web server with a process for each core for several pages at once."""
    port = str(free_port())
    processes = Processes({**os.environ, "PORT": port, "SITE_URL": f"http://localhost:{port}"})
    try:
        host = urlsplit(processes.web(workers=CORES)[1]).netloc
        idle: SimpleQueue[HTTPConnection] = SimpleQueue()
        for _ in range(CONNECTIONS):
            idle.put(HTTPConnection(host))

        def page(address: str) -> str:
            line = idle.get()
            headers = {"Cookie": f"signin-{port}={session}"}  # as clinic.settings names it
            if "&course=" in address:
                headers["HX-Request"] = "true"
            line.request("GET", address, headers=headers)
            answer = line.getresponse()
            text = answer.read().decode()
            idle.put(line)
            assert answer.status == 200, f"{answer.status} at {address}"
            return text

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            yield lambda addresses: list(pool.map(page, addresses))
    finally:
        processes.end_all()
