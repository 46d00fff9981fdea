"""The cursors of lists whose query pages itself: opaque outside, checked on the way in."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers

from clinic.api.pages import DEFAULT_SIZE, MOST
from clinic.api.problems import StrictSerializer
from clinic.errors import BadInput


class PageQuery(StrictSerializer):
    cursor = serializers.CharField(
        max_length=500, required=False, help_text="`next` of the page before; nothing for the first."
    )
    size = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT_SIZE)


def write_cursor(after: object) -> str | None:
    """None when there is no next page."""
    return base64.urlsafe_b64encode(str(after).encode()).decode().rstrip("=") if after else None


def read_cursor(asked: dict[str, Any]) -> str:
    cursor = asked.get("cursor", "")
    try:
        after = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise _made_up() from error
    if "\x00" in after:
        raise _made_up()
    return after


def read_id(asked: dict[str, Any]) -> UUID | None:
    """Of lists that go on after a row's id."""
    cursor = read_cursor(asked)
    try:
        return UUID(cursor) if cursor else None
    except ValueError as error:
        raise _made_up() from error


def _made_up() -> BadInput:
    return BadInput(
        fields={"cursor": [_("This cursor was not made here.")]}, advice=_("Start again without a cursor.")
    )
