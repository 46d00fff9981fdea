"""Writing and cancelling messages that are still to go, in set-based statements inside the caller's
transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from clinic.ids import uuid7s
from clinic.models import Channel
from clinic.outbox.statements import CANCEL, PLAN, SEPARATOR, SPEC_COLUMNS, WAITING
from clinic.rules.wall_time import local_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSpec:
    """A message that ought to go out. Two with the same clinic, purpose, subject_key, rule_code, occurrence,
    target_at and channel are the same message. `local_at` is the wall time in `zone` that it is meant for;
    one that belongs to an instant and to no clock on a wall names neither. `data` holds ids and codes
    only."""

    clinic_id: int
    purpose: str
    subject_key: str
    target_at: datetime
    send_at: datetime
    not_after: datetime
    local_at: datetime | None = None
    zone: str = "UTC"
    rule_code: str = ""
    occurrence: int = 0
    channel: str = Channel.EMAIL
    course_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.local_at is not None and self.local_at.tzinfo is not None:
            raise ValueError("local_at is a wall time and carries no zone")
        for name in ("target_at", "send_at", "not_after"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"{name} must carry its zone")
        if self.local_at is None:
            object.__setattr__(self, "local_at", local_of(self.send_at, ZoneInfo(self.zone)))


def plan(*, specs: Sequence[MessageSpec], now: datetime) -> int:
    """Write those not planned before, in one statement, inside the caller's transaction. Planning a message
    again that waits untouched gives it the new time; one that went out is never planned twice. Returns the
    rows written."""
    if not specs:
        return 0
    distinct = {_identity(spec): spec for spec in specs}.values()
    columns = {name: [_spelled(getattr(spec, name)) for spec in distinct] for name in SPEC_COLUMNS}
    columns["public_id"] = uuid7s(len(distinct))
    with connection.cursor() as cursor:
        cursor.execute(PLAN, {**together(columns), "now": now})
        return int(cursor.rowcount)


def together(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The values of each column as one text, as PLAN takes them."""
    whole = {name: SEPARATOR.join(values) for name, values in columns.items()}
    for name, values in columns.items():
        if whole[name].count(SEPARATOR) != len(values) - 1:
            raise ValueError(f"{name} holds the separator")
    return whole


def _spelled(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(dict(value), cls=_ExactEncoder)
    return "" if value is None else str(value)


def _identity(spec: MessageSpec) -> tuple[object, ...]:
    return (
        *(spec.clinic_id, spec.purpose, spec.subject_key, spec.rule_code),
        *(spec.occurrence, spec.target_at, spec.channel),
    )


class _ExactEncoder(DjangoJSONEncoder):
    """Django's own cuts instants to milliseconds, which would make one target two."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def cancel_unsent(
    *,
    clinic_id: int,
    reason: str,
    now: datetime,
    subject_keys: Collection[str] | None = None,
    ids: Collection[int] | None = None,
    course_id: int | None = None,
) -> int:
    """Cancel what has not begun to leave, inside the caller's transaction: those that match all that is given
    of `subject_keys`, `ids` and `course_id`. One whose sending has begun can't be called back. Returns how
    many."""
    if subject_keys is None and ids is None and course_id is None:
        raise ValueError("say which messages: subject_keys, ids or course_id")
    with connection.cursor() as cursor:
        cursor.execute(
            CANCEL,
            {
                "clinic": clinic_id,
                "subject_keys": None if subject_keys is None else list(subject_keys),
                "ids": None if ids is None else list(ids),
                "course": course_id,
                "reason": reason[:200],
                "now": now,
            },
        )
        return int(cursor.rowcount)


def plan_course(
    *,
    clinic_id: int,
    course_id: int,
    specs: Sequence[MessageSpec],
    now: datetime,
    reason: str = "no-longer-planned",
) -> tuple[int, int]:
    """Make the unsent messages of a course exactly these: cancel the others, plan what is new. One that is
    too late is not planned; if it waits, sending finds it so and says so to its owner. Returns how many rows
    were (planned, cancelled); both are 0, and nothing is written, when nothing changed."""
    wanted = {_identity(spec) for spec in specs}
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"clinic": clinic_id, "course": course_id})
        stale = [pk for pk, *identity in cursor.fetchall() if tuple(identity) not in wanted]
    cancelled = cancel_unsent(clinic_id=clinic_id, ids=stale, reason=reason, now=now) if stale else 0
    return plan(specs=[spec for spec in specs if spec.not_after > now], now=now), cancelled
