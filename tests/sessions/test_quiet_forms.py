"""A patient's page tells nobody where it was, and its forms are taken all the same; a stranger's are not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.sessions.test_patient_pages import visit_link
from tests.support.cast import START, Cast, enrol, make_cast
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

# What browsers send from such a page.
QUIET: dict[str, Any] = {"HTTP_ORIGIN": "null", "HTTP_SEC_FETCH_SITE": "same-origin"}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.mark.parametrize(
    ("said", "secure", "token", "status"),
    [
        pytest.param(QUIET, True, True, 200, id="from our page"),
        pytest.param({"HTTP_ORIGIN": "https://testserver"}, True, True, 200, id="with its origin"),
        pytest.param({"HTTP_ORIGIN": "null"}, False, True, 200, id="by an old browser"),
        pytest.param({}, True, True, 200, id="by a browser that says nothing at all"),
        pytest.param(QUIET, True, False, 403, id="without the page's token"),
        pytest.param(
            {**QUIET, "HTTP_SEC_FETCH_SITE": "cross-site"}, True, True, 403, id="from a stranger's frame"
        ),
        pytest.param({"HTTP_ORIGIN": "https://evil.example"}, True, True, 403, id="from a stranger's page"),
    ],
)
def test_a_form_of_a_patients_page_is_taken_from_that_page_alone(
    cast: Cast, said: dict[str, Any], secure: bool, token: bool, status: int
) -> None:
    set_clock(START)
    booking, link = visit_link(cast, enrol(cast), now=START)
    client = Client(enforce_csrf_checks=True)
    page = client.get(f"/p/{link}/", secure=secure)
    assert page["Referrer-Policy"] == "no-referrer"
    [*found] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    sent = {"csrfmiddlewaretoken": found[0]} if token else {}
    answer = client.post(f"/p/{link}/confirm/", sent, secure=secure, **said)
    booking.refresh_from_db()
    assert (answer.status_code == 403, booking.confirmed_at is not None) == (status == 403, status != 403)


def test_a_form_of_the_staff_still_names_where_it_comes_from(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/accounts/login/", secure=True)
    assert page["Referrer-Policy"] == "same-origin"
    [token, *_more] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    answer = client.post("/accounts/login/", {"csrfmiddlewaretoken": token}, secure=True, **QUIET)
    assert answer.status_code == 403
