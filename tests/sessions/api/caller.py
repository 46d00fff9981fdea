"""A program that is signed in as somebody and calls the API by the names of its addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import reverse

from clinic.models import Person
from tests.support.cast import Cast


@dataclass
class Caller:
    slug: str
    person: Person | None
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        if self.person is not None:
            self.client.force_login(self.person)

    def address(self, name: str, **ids: object) -> str:
        return reverse(f"api:{name}", kwargs={"slug": self.slug, **ids})

    def get(self, name: str, query: dict[str, Any] | None = None, **ids: object) -> Any:
        return self.client.get(self.address(name, **ids), query or {})

    def post(self, name: str, body: Any = None, **ids: object) -> Any:
        return self.client.post(self.address(name, **ids), body or {}, content_type="application/json")

    def put(self, name: str, body: Any, **ids: object) -> Any:
        return self.client.put(self.address(name, **ids), body, content_type="application/json")


def calls(cast: Cast, name: str) -> Caller:
    return Caller(slug=cast.clinic.slug, person=cast.people[name])


def new_id() -> str:
    return str(uuid4())


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def problem(response: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem, after checking that it is one."""
    body: dict[str, Any] = response.json()
    assert response.status_code == status, body
    assert response.headers["Content-Type"] == "application/problem+json"
    assert body["status"] == status
    assert body["title"]
    if code is not None:
        assert body["code"] == code, body
    return body


def fields(body: dict[str, Any]) -> list[str]:
    return [error["field"] for error in body["errors"]]
