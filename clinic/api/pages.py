"""Keyset pagination: the cursor says after which row to go on, so page 1,000 costs what page 1 costs, nothing
is counted, and rows written meanwhile move nobody."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request

from clinic.errors import BadInput

M = TypeVar("M", bound=Model)

DEFAULT_SIZE = 50
MOST = 200


class Keyset(Generic[M]):
    """Pages of a queryset by the columns of `order` (`"-recorded_at", "-id"`; the last must be unique). The
    columns must not be null, and the client never sees one: the cursor is opaque."""

    def __init__(self, *order: str) -> None:
        self.order = order
        self.columns = tuple(column.removeprefix("-") for column in order)

    def page(self, request: Request, rows: QuerySet[M], shape: Callable[[M], Any]) -> dict[str, Any]:
        """`{"items": [...], "next": cursor or null}`. One query: one row more than shown says whether there
        is more."""
        size = _size(request.query_params.get("size"))
        cursor = request.query_params.get("cursor")
        if cursor:
            rows = rows.filter(self._after(self._read(cursor)))
        found = list(rows.order_by(*self.order)[: size + 1])
        following = self._write(found[size - 1]) if len(found) > size else None
        return {"items": [shape(row) for row in found[:size]], "next": following}

    def _after(self, values: Sequence[Any]) -> Q:
        """(a, b) > (x, y), written out column by column because the directions may differ."""
        after = Q(pk__in=[])
        equal = Q()
        for signed, column, value in zip(self.order, self.columns, values, strict=True):
            step = "lt" if signed.startswith("-") else "gt"
            after |= equal & Q(**{f"{column}__{step}": value})
            equal &= Q(**{column: value})
        return after

    def _write(self, row: M) -> str:
        values = []
        for column in self.columns:
            value: Any = row
            for part in column.split("__"):
                value = getattr(value, part)
            values.append({"at": value.isoformat()} if isinstance(value, datetime) else value)
        return base64.urlsafe_b64encode(json.dumps(values, default=str).encode()).decode().rstrip("=")

    def _read(self, cursor: str) -> list[Any]:
        try:
            values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            read = [
                datetime.fromisoformat(value["at"]) if isinstance(value, dict) else value for value in values
            ]
            if len(read) != len(self.columns) or not all(
                isinstance(value, str | int | datetime) for value in read
            ):
                raise ValueError
        except (ValueError, KeyError, TypeError, binascii.Error) as error:
            raise BadInput(
                fields={"cursor": [_("This cursor was not made here.")]},
                advice=_("Start again without a cursor."),
            ) from error
        return read


def _size(given: str | None) -> int:
    if given is None:
        return DEFAULT_SIZE
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:6]) <= MOST:
        raise BadInput(fields={"size": [_("A whole number from 1 to %(most)d.") % {"most": MOST}]})
    return int(given)
