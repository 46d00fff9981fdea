"""What every page of a patient has in common, whatever led there: it says whom to call, how to leave, and
nothing that tells of the care."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions.rules.discretion import telling_words
from sessions.rules.wording import LANGUAGES
from sessions.web import urls
from tests.support.clinic_day import ClinicDay, make_day
from tests.support.patient_pages import Visited, every_page, page_templates, speak
from tests.support.reading import hardness

pytestmark = pytest.mark.django_db

PHONE, CRISIS, EMERGENCY = 'href="tel:555-0100"', 'href="tel:988"', 'href="tel:911"'
# Of the day's people: no page of a patient names anybody, not even the patient.
NAMES = ("Pat", "Example", "P-001", "Ada", "Alder,", "Ben Birch", "Carla")


def words_of(page: str) -> str:
    """What somebody looking at it reads."""
    return unescape(re.sub(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", " ", page, flags=re.S))


def main_of(page: str) -> str:
    """Its own sentences, each on a line, without the frame that every page has."""
    inside = page.split('<main id="main"')[1].split("</main>")[0].partition(">")[2]
    return unescape(re.sub(r"<[^>]+>", "\n", inside))


def faults(response: Any, *, known: bool = True, clinical: bool = False, language: str = "en") -> list[str]:
    """What is missing on a patient's page, or should not be there."""
    page = response.content.decode()
    words = words_of(page)
    wanted = {
        "a quick exit": 'href="https://www.wikipedia.org/"' in page and "data-leave" in page,
        "its script": "leave.js" in page and page.index("leave.js") < page.index("<body"),
        "the clinic's number": PHONE in page or not known,
        "the crisis lines": CRISIS in page or not known,
        "the emergency number": EMERGENCY in page or not known,
        "whom to call all the same": "local emergency number" in words or known,
        "raise a concern": "/concern/" in page or not known,
        "its language": f'<html lang="{language}">' in page,
        "no-store": "no-store" in response["Cache-Control"],
        "no referrer": response["Referrer-Policy"] == "no-referrer",
        "not indexed": "noindex" in response["X-Robots-Tag"],
        "no clinical word": clinical or telling_words(words) == (),
        "no name": not [name for name in NAMES if re.search(rf"\b{re.escape(name)}\b", words)],
        "for a reader of eleven": clinical or hardness(main_of(page), language) <= 0,
        "a policy": "'unsafe-" not in response["Content-Security-Policy"],
    }
    return [what for what, there in wanted.items() if not there]


def come_to(client: Client, visited: Visited) -> Any:
    if visited.sent is None:
        return client.get(visited.path)
    return client.post(visited.path, dict(visited.sent), follow=True)


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_a_patient_says_whom_to_call_and_how_to_leave_and_tells_nothing(
    client: Client, day: ClinicDay, language: str
) -> None:
    speak(day, language)
    found, pages, shown = {}, every_page(day), set()
    for visited in pages:
        response = come_to(client, visited)
        shown |= {template.name for template in response.templates}
        known = visited.name != "unknown"
        wrong = faults(response, known=known, clinical=visited.clinical, language=language if known else "en")
        if response.status_code != visited.status:
            wrong.append(f"status {response.status_code}")
        if visited.name == "step-code-came-back":
            assert response.context["clinic"].step.came_back, "the page says why no code is offered"
        if wrong:
            found[visited.name] = wrong
    assert found == {}
    visited_below = {re.sub(r"^/p/[^/]+/", "", one.path) for one in pages}
    no_pages = {"keep/", "calendar/"}
    assert {str(pattern.pattern) for pattern in urls.patient} - visited_below == no_pages
    assert page_templates() - shown == set(), "a template that no walk over the pages comes to"


def breaks(*_args: object, **_kwargs: object) -> None:
    raise RuntimeError("a fault put in by the test")


def broken_pages(link: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any, bool]]:
    """(what went wrong, the page, whether it can be known whose it is)"""
    client = Client(raise_request_exception=False)
    yield "an address below a link that is none", client.get(f"{link}nowhere/"), True
    strict = Client(enforce_csrf_checks=True)
    yield "a form that was open for too long", strict.post(f"{link}confirm/"), True
    monkeypatch.setattr("sessions.web.links.render", breaks)
    yield "a page that breaks", client.get(link), True
    monkeypatch.setattr("sessions.web.patient_door.link_page", breaks)
    yield "a page that breaks before it is known whose it is", client.get(link), False


def test_a_page_that_broke_still_says_whom_to_call(day: ClinicDay, monkeypatch: pytest.MonkeyPatch) -> None:
    link = every_page(day)[0].path
    found = {
        what: (page.status_code, faults(page, known=known))
        for what, page, known in broken_pages(link, monkeypatch)
    }
    assert found == {
        "an address below a link that is none": (404, []),
        "a form that was open for too long": (403, []),
        "a page that breaks": (500, []),
        "a page that breaks before it is known whose it is": (500, []),
    }


def test_no_opening_of_any_address_of_a_patient_writes_a_row(client: Client, day: ClinicDay) -> None:
    """Neither GET nor HEAD, nor a browser or a mail scanner that opens it beforehand."""
    paths = {visited.path.removesuffix("nowhere/") for visited in every_page(day)}
    tokens = {path.split("/")[2] for path in paths}
    paths |= {f"/p/{token}/{pattern.pattern}" for token in tokens for pattern in urls.patient}
    wrote = {}
    for path in sorted(paths):
        for method in ("get", "head"):
            with CaptureQueriesContext(connection) as queries:
                answer = getattr(client, method)(path, headers={"Sec-Purpose": "prefetch"})
            writes = [one["sql"] for one in queries if re.match(r"\s*(INSERT|UPDATE|DELETE)\b", one["sql"])]
            if writes or answer.status_code >= 500:
                wrote[method, path] = (answer.status_code, writes)
    assert len(paths) > 80 and wrote == {}
