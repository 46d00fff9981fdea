"""Being signed in, for tests of pages."""

from __future__ import annotations

from django.test import Client

from tests.support.clinic_day import ClinicDay


def client_of(day: ClinicDay, name: str) -> Client:
    client = Client()
    client.force_login(day.cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client
