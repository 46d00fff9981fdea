"""What a provider says afterwards of a message it took: delivered, failed, complained of. Told twice, late,
out of order or before our own note of having sent it, each report counts once and only forward.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from clinic.actors import acting, system_actor
from clinic.adapters.mail import message_id_domain
from clinic.errors import NotFound
from clinic.models import Clinic, Message, MessageLog, MessageReport, MessageState
from clinic.outbox.purposes import Stopped, purposes
from clinic.outbox.statements import FINISH_REPORTED

Status = MessageReport.Status

# Which states a report may still change. What was delivered stays delivered; what failed may turn out to have
# arrived.
_FORWARD: dict[str, tuple[MessageState, ...]] = {
    Status.ACCEPTED: (MessageState.UNCERTAIN,),
    Status.DELIVERED: (MessageState.HANDED_OFF, MessageState.UNCERTAIN, MessageState.FAILED),
    Status.FAILED: (MessageState.HANDED_OFF, MessageState.UNCERTAIN),
    Status.COMPLAINED: (MessageState.HANDED_OFF, MessageState.UNCERTAIN),
    Status.UNSUBSCRIBED: (),
}
_BECOMES = {
    Status.ACCEPTED: MessageState.HANDED_OFF,
    Status.DELIVERED: MessageState.DELIVERED,
    Status.FAILED: MessageState.FAILED,
    # Nobody complains of what never arrived.
    Status.COMPLAINED: MessageState.DELIVERED,
}
_REFUSALS = (Status.COMPLAINED, Status.UNSUBSCRIBED)


def take_report(
    *, clinic_id: int, message: UUID, status: str, provider_id: str, code: str, now: datetime
) -> bool:
    """Whether it was news. Raises NotFound for a message that this clinic never sent."""
    with acting(system_actor(clinic_id=clinic_id, at=now)):
        _report, new = MessageReport.objects.get_or_create(
            clinic_id=clinic_id,
            message=message,
            status=Status(status).value,
            provider_id=provider_id[:200],
            defaults={"code": code[:100], "received_at": now},
        )
        if not new:
            return False
        row = _row_of(clinic_id, message)
        for one in (row, *_carried_by(row)):
            _take(one, status=Status(status), code=code, now=now)
        return True


def _take(row: Message | MessageLog, *, status: Status, code: str, now: datetime) -> None:
    purpose = purposes.get(row.purpose)
    hook: Stopped | None = None
    if purpose is not None and status == Status.FAILED:
        hook = purpose.on_undeliverable
    elif purpose is not None and status in _REFUSALS:
        hook = purpose.on_refused
    becomes = _BECOMES.get(status)
    if isinstance(row, MessageLog) and row.state not in _FORWARD[status] and status not in _REFUSALS:
        return
    if hook is not None:
        # Before the message's own row is touched: hooks lock a course first, like everywhere.
        row.state = becomes or row.state
        hook(row, code[:100] or str(status), now)
    arrives = becomes in (MessageState.HANDED_OFF, MessageState.DELIVERED)
    if purpose is not None and purpose.on_sent is not None and arrives and isinstance(row, Message):
        purpose.on_sent([row], now)
    if becomes is not None:
        _move(row, becomes, reason=code if status == Status.FAILED else "", status=status, now=now)


def _carried_by(carrier: Message | MessageLog) -> list[Message | MessageLog]:
    """What went in that message besides itself: what is told of it is told of all."""
    if carrier.carried_by is None or carrier.course_id is None:
        return []
    others = {
        "clinic_id": carrier.clinic_id,
        "course_id": carrier.course_id,
        "carried_by": carrier.public_id,
    }
    waiting = Message.objects.filter(Q(intent_at__isnull=False) | Q(unknown_outcomes__gt=0), **others)
    logged = MessageLog.objects.filter(**others).exclude(state=MessageState.CANCELLED)
    found: dict[UUID, Message | MessageLog] = {one.public_id: one for one in waiting.order_by("pk")}
    found |= {one.public_id: one for one in logged.order_by("pk")}
    found.pop(carrier.public_id, None)
    return list(found.values())


def clinic_of(message: UUID) -> int:
    """Whose message it is: what a provider tells of a mail names no clinic. Raises NotFound."""
    clinics = list(Clinic.objects.values_list("pk", flat=True))
    for rows in (MessageLog.objects, Message.objects):
        found = rows.filter(clinic_id__in=clinics, public_id=message).values_list("clinic_id", flat=True)
        for clinic_id in found:
            return int(clinic_id)
    raise NotFound()


def _row_of(clinic_id: int, message: UUID) -> Message | MessageLog:
    """Of a message on its way from one table to the other the statement may see neither, or both: the second
    look sees it."""
    for _look in range(2):
        logged = MessageLog.objects.filter(clinic_id=clinic_id, public_id=message).first()
        if logged is not None:
            return logged
        # Nothing was sent, so nothing can be told of it.
        waiting = (
            Message.objects.filter(clinic_id=clinic_id, public_id=message)
            .filter(Q(intent_at__isnull=False) | Q(unknown_outcomes__gt=0))
            .first()
        )
        if waiting is not None:
            return waiting
    raise NotFound()


def _move(
    row: Message | MessageLog, becomes: MessageState, *, reason: str, status: str, now: datetime
) -> None:
    """Before we have noted that it was sent, the report itself is the proof: whoever is sending it finds that
    it lost the lease."""
    if isinstance(row, Message):
        with connection.cursor() as cursor:
            cursor.execute(
                FINISH_REPORTED,
                {
                    "id": row.pk,
                    "state": becomes.value,
                    "reason": reason[:200],
                    "at": now,
                    "domain": message_id_domain(),
                    "result": "permanent" if becomes is MessageState.FAILED else "accepted",
                    "detail": "reported",
                    "details": None,
                },
            )
            if cursor.fetchall():
                return
    MessageLog.objects.filter(
        clinic_id=row.clinic_id, public_id=row.public_id, state__in=[one.value for one in _FORWARD[status]]
    ).update(state=becomes.value, reason=reason[:200])
