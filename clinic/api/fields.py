"""Fields that take JSON at its word: a text is a text, a number a number, and a time says its zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

LONGEST_TEXT = 20_000
LONGEST_KEY = 200


class Instant(serializers.DateTimeField):
    """An aware time, kept in UTC. DRF alone would guess the zone of a naive one."""

    default_error_messages = {"naive": _("Give the time with its zone, e.g. 2027-03-01T10:00:00Z.")}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ssZ")
        try:
            return super().to_internal_value(value)
        except OverflowError:
            self.fail("overflow", timezone="UTC")

    def enforce_timezone(self, field_value: datetime) -> datetime:
        if field_value.tzinfo is None:
            self.fail("naive")
        return field_value.astimezone(UTC)


class Text(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LONGEST_TEXT)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class YesNo(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Amount(serializers.DecimalField):
    """A decimal, as a number or as text: text loses nothing on the way."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 10)
        kwargs.setdefault("decimal_places", 3)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Number(serializers.DecimalField):
    """A decimal of an answer, as text, with the digits it has."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, **kwargs)


class OneOf(serializers.ChoiceField):
    """One member of an enumeration, by its value."""

    def __init__(self, members: type[Enum] | Iterable[Enum], **kwargs: Any) -> None:
        self._members: dict[str, Enum] = {str(member.value): member for member in members}
        super().__init__(choices=list(self._members), **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self._members:
            self.fail("invalid_choice", input=data)
        return self._members[data]
