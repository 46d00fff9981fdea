"""Every page opens for who may see it, on a clinic in the middle of its day."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.clinic_day import ClinicDay, addresses, make_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


def client_of(day: ClinicDay, name: str) -> Client:
    client = Client()
    client.force_login(day.cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_every_page_opens_for_the_lead_therapist(day: ClinicDay) -> None:
    client = client_of(day, "ada")
    refused = {}
    for name, address in addresses(day).items():
        response = client.get(address)
        if response.status_code != 200:
            refused[name] = (response.status_code, response.content.decode()[-1500:])
    assert refused == {}
