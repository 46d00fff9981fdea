"""What must hold of every run: each message once, at its hour, to nobody who wanted none, and everything that
the database says of it true."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from clinic import proofs
from clinic.adapters.mail import message_id_domain, message_key
from clinic.models import Channel, Message, MessageLog
from clinic.outbox.purposes import purposes
from clinic.rules.quiet_hours import out_of_quiet_hours
from clinic.rules.wall_time import day_of, instant_of
from protocols.rules.definition import SessionKind
from sessions.models import SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.verifying import verify_requirements
from tests.simulation.world import World
from tests.support.random_events import courses_that_do_not_add_up

SENT = ("handed_off", "delivered")
Dosed = Mapping[int | None, Sequence[tuple[datetime, datetime | None]]]
ON_TIME = timedelta(seconds=120)
PATIENTS = frozenset({"visit_reminder", "practice", "check_in", "questionnaire", "missed_visit"})
SAFETY = frozenset({"check_in"})  # never waits for the day after


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    sent: dict[str, int]  # by purpose and channel
    late: int  # later than two minutes, whatever the reason
    copies: int  # of mails, under the same Message-ID: one mail to whoever gets it
    uncertain: int


def check_all(world: World) -> Counted:
    """Raises AssertionError with the one line that repeats the run."""
    wrong = list(_wrong_with(world))
    assert not wrong, f"{world.again}\nat {world.now}: " + "; ".join(wrong[:10])
    logged = MessageLog.objects.filter(state__in=SENT)
    copies = sum(times - 1 for times in Counter(one.key for one in world.post.taken[Channel.EMAIL]).values())
    late = sum(row.finished_at - _due(row) > ON_TIME for row in logged)
    return Counted(
        sent=dict(sorted(Counter(f"{row.purpose} by {row.channel}" for row in logged).items())),
        late=late,
        copies=copies,
        uncertain=MessageLog.objects.filter(state="uncertain").count(),
    )


def _due(row: MessageLog) -> datetime:
    return max(row.send_at, row.planned_at)


def _wrong_with(world: World) -> Iterator[str]:
    for view, rows in proofs.broken().items():
        yield f"{view} shows {rows} rows"
    if rows := courses_that_do_not_add_up():
        yield f"{rows} courses do not add up"
    for difference in verify_requirements(now=world.now).differences[:3]:
        yield f"another answer than is stored: {difference}"
    domain = message_id_domain()
    messages: list[Message | MessageLog] = [*MessageLog.objects.all(), *Message.objects.all()]
    by_key = {message_key(row.public_id, domain): row for row in messages}

    def went_as(row: Message | MessageLog) -> str:
        """One that was due with others went in theirs."""
        return message_key(row.carried_by or row.public_id, domain)

    dosed, carried = _dosed(), defaultdict(list)
    for row in messages:
        if row.state in SENT and row.carried_by not in (None, row.public_id):
            carried[went_as(row)].append(row)
    silences = {life.email: life.stopped for life in world.lives}
    for channel, taken in world.post.taken.items():
        times = Counter(one.key for one in taken)
        for one in taken:
            found = by_key.get(one.key)
            if found is None:
                yield f"{channel} took {one.key}, which nobody knows"
                continue
            for part in (found, *carried[one.key]):
                yield from _wrong_with_one(world, part, one.at, dosed)
            for begin, end in silences.get(one.to, ()):
                if begin < one.at and (end is None or one.at < end):
                    yield f"{found} reached {one.to}, who had stopped it at {begin}"
        if channel is Channel.TEXT:
            yield from (f"text {key} went {n} times" for key, n in times.items() if n > 1)
        told = [row for row in messages if row.channel == channel and row.state in SENT]
        yield from (f"lost: {row}" for row in told if went_as(row) not in times)
        yield from (
            f"sent, and called {by_key[key].state}: {by_key[key]}"
            for key in times.keys() & by_key.keys()
            if by_key[key].state in ("cancelled", "expired")
        )


def _dosed() -> Dosed:
    """Course → from when to when it was dosed. Here nobody is dosed without a booking days before."""
    found: defaultdict[int | None, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for course_id, begin, end in (
        SessionRecord.objects.filter(kind=SessionKind.DOSING)
        .exclude(status=RecordStatus.VOID)
        .values_list("course_id", "started_at", "ended_at")
    ):
        found[course_id].append((begin, end))
    return found


def _wrong_with_one(world: World, row: Message | MessageLog, at: datetime, dosed: Dosed) -> Iterator[str]:
    if row.purpose not in PATIENTS:
        return
    zone = ZoneInfo(row.zone)
    if at < instant_of(row.local_at, zone):
        yield f"{row} went at {at}, before its hour {row.local_at}"
    if at > row.not_after + ON_TIME:
        yield f"{row} went at {at}, too late to be of use"
    if purposes[row.purpose].respects_quiet_hours:
        clinic = row.clinic
        if (
            out_of_quiet_hours(at, zone=zone, quiet_from=clinic.quiet_from, quiet_until=clinic.quiet_until)
            > at
        ):
            yield f"{row} went at {at}, in quiet hours"
    if row.purpose not in SAFETY and any(
        day_of(begin, zone) == day_of(at, zone) or begin <= at < (end or at)
        for begin, end in dosed.get(row.course_id, ())
    ):
        yield f"{row} went at {at}, on the day of a dosing session"
    if isinstance(row, MessageLog) and row.state in SENT and row.attempt == 1 and at - _due(row) > ON_TIME:
        troubled = any(
            begin <= at and _due(row) - timedelta(minutes=5) <= end for begin, end in world.loop_down
        ) or any(_due(row) <= pulled <= at for pulled in world.pulled)
        if not troubled:
            yield f"{row} was due at {_due(row)} and went at {at}, for no reason"
