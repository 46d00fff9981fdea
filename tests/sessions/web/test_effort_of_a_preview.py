"""What the largest document that can be read costs where a course's move to it is shown."""

from __future__ import annotations

from time import process_time

import pytest
from django.test import Client
from django.urls import reverse

from protocols.operations import load_protocol
from tests.protocols.test_effort import MANY_RULES
from tests.support.cast import START, allow, enrol, make_cast, publish
from tests.support.clinic_day import set_clock


@pytest.mark.django_db
def test_the_page_that_previews_a_move_to_the_largest_document_takes_no_two_seconds() -> None:
    set_clock(START)
    cast = make_cast()
    cast.version = publish(cast, MANY_RULES)
    allow(cast)
    enrol(cast)
    changed = MANY_RULES.replace("closes: {value: 1 d,", "closes: {value: 2 d,").replace('"1.0"', '"1.1"', 1)
    draft = load_protocol(actor=cast.actor("finn"), clinic=cast.clinic, text=changed, now=START)
    client = Client()
    client.force_login(cast.people["carla"], backend="allauth.account.auth_backends.AuthenticationBackend")
    address = reverse("sessions:version_preview", args=(cast.clinic.slug, draft.protocol.public_id))
    began = process_time()
    page = client.get(f"{address}?version=1.1")
    taken = process_time() - began
    assert page.status_code == 200 and "P-001" in page.content.decode()
    assert taken < 2
