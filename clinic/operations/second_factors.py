"""Sealing what second factors keep in the database: after the key was replaced, and once for what was written
before there was one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from clinic.sealing import Unreadable, is_of_the_first_key, seal, unseal

ONE, SEVERAL = ("secret", "seed"), ("migrated_codes",)
"""Where allauth keeps what must not be read."""


def secrets_in(data: Mapping[str, Any]) -> list[str]:
    found = [data[name] for name in ONE if name in data]
    return found + [code for name in SEVERAL for code in data.get(name, ())]


def with_secrets(data: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The same with each secret changed."""
    return {
        name: change(value) if name in ONE else [change(code) for code in value] if name in SEVERAL else value
        for name, value in data.items()
    }


def seal_second_factors() -> tuple[int, int]:
    """Seal with the first key everything that is not: (how many factors were, how many no key opens). One
    factor at a time, so that signing in goes on; doing it again changes nothing."""
    sealed = unreadable = 0
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row is None or all(is_of_the_first_key(one) for one in secrets_in(row.data)):
                continue
            try:
                row.data = with_secrets(row.data, lambda text: seal(unseal(text)))
            except Unreadable:
                unreadable += 1
                continue
            row.save(update_fields=["data"])
            sealed += 1
    return sealed, unreadable


def unreadable_second_factors() -> int:
    """How many no key at hand opens: who they belong to can't sign in."""
    count = 0
    for data in Authenticator.objects.values_list("data", flat=True):
        try:
            for secret in secrets_in(data):
                unseal(secret)
        except Unreadable:
            count += 1
    return count
