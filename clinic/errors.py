"""Refusals: what the house says when it will not do something, and what to do about it.

Pure. Pages, API and admin each turn a Refusal into their own shape; nothing below a door knows that shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import Any, ClassVar


class Refusal(Exception):
    """That could not be done."""

    status: ClassVar[int] = 400
    default_code: ClassVar[str] = "refused"

    code: str
    message: str
    advice: str
    fields: dict[str, list[str]]
    data: dict[str, Any]

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        advice: str = "",
        fields: Mapping[str, Sequence[str]] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.message = message if message is not None else cleandoc(type(self).__doc__ or "")
        self.code = code or self.default_code
        self.advice = advice
        self.fields = {name: list(messages) for name, messages in (fields or {}).items()}
        self.data = dict(data or {})
        super().__init__(self.message)


class BadInput(Refusal):
    """Something in what was sent cannot be read: an unknown field, a wrong type or an impossible value."""

    status = 400
    default_code = "bad-input"


class NotFound(Refusal):
    """There is nothing here that you can see."""

    status = 404
    default_code = "not-found"


class Forbidden(Refusal):
    """Your role here does not allow this."""

    status = 403
    default_code = "forbidden"


class NotNow(Refusal):
    """This cannot be done as things stand now."""

    status = 409
    default_code = "not-now"


class Incomplete(Refusal):
    """Something is still missing before this can be done."""

    status = 422
    default_code = "incomplete"
