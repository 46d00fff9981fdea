"""What every door of this API shares: the client's id makes a repeated request the same request, a lost race
is a 409, and the schema is told what each takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError
from django.db.models import Model
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from psycopg import errors as postgres
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Text
from clinic.api.problems import Problem, StrictSerializer
from clinic.api.views import OperationView
from clinic.errors import BadInput, NotNow
from clinic.rules.own_words import OwnWords
from sessions.queries.ids import already_there
from sessions.queries.own_words import own_words

F = TypeVar("F", bound=Callable[..., Any])

PROBLEM = "application/problem+json"


class NewRowInput(StrictSerializer):
    """Base of every input that makes a row. The client makes the id: a request sent twice is one row."""

    id = Id(help_text="A UUID that you make. The same id and body again give the first row, and 200.")


class NothingInput(StrictSerializer):
    pass


class ReasonInput(StrictSerializer):
    # Blank is refused by the operation, in its own words.
    reason = Text(allow_blank=True)


class WhyInput(StrictSerializer):
    """Of a change to how the clinic runs; the words stand beside its event."""

    reason = Text()


def confirmable() -> serializers.ListField:
    return serializers.ListField(
        child=Text(max_length=250),
        required=False,
        max_length=50,
        help_text="The codes of an earlier confirm-needed problem that a person has looked at.",
    )


class Door(OperationView):
    """One operation or read, at one address."""

    def own_words(self) -> OwnWords:
        return own_words(self.actor, self.kwargs)

    def sent(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The checked body, in the operation's words: the id is the row's `public_id`."""
        fields = super().sent(serializer)
        if "id" in fields:
            fields["public_id"] = fields.pop("id")
        if "confirmed" in fields:
            fields["confirmed"] = frozenset(fields["confirmed"])
        return fields

    def asked(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        """The checked query of the address."""
        reader = serializer(data=self.request.query_params.dict())
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def again(self, row: type[Model], sent: dict[str, Any]) -> bool:
        """Whether this id was used before. Asked first, because the operation answers both alike."""
        public_id: UUID = sent["public_id"]
        return already_there(self.actor, row, public_id)

    def gives(self, output: type[Serializer[Any]], value: Any, *, again: bool = True) -> Response:
        return Response(output(value).data, status=200 if again else 201)

    def handle_exception(self, exc: Exception) -> Response:
        cause = exc.__cause__
        if isinstance(exc, IntegrityError | OperationalError) and isinstance(
            cause, postgres.UniqueViolation | postgres.ExclusionViolation | postgres.DeadlockDetected
        ):
            exc = NotNow(_("Somebody else was faster. Nothing of yours was changed."), code="lost-race")
        elif isinstance(exc, RecursionError):
            exc = BadInput(_("The body is nested too deeply."))
        return super().handle_exception(exc)


def described(
    name: str,
    *,
    gives: type[Serializer[Any]],
    takes: type[Serializer[Any]] | None = None,
    asks: type[Serializer[Any]] | None = None,
    summary: str = "",
) -> Callable[[F], F]:
    """What the schema says of a handler. What takes an id answers 201 the first time, 200 after."""
    new = takes is not None and issubclass(takes, NewRowInput)
    answers: dict[Any, Any] = {200: gives, ("4XX", PROBLEM): Problem}
    if new:
        answers = {201: gives, **answers}
    return extend_schema(
        operation_id=name,
        summary=summary or name.replace("_", " ").capitalize(),
        request=takes,
        parameters=[asks] if asks else None,
        responses=answers,
    )
