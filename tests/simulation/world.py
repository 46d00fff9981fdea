"""Time, weather and people of the simulated clinics: who does what when, and when the plug is pulled."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch

from django.db import connection

from clinic import outbox
from clinic.errors import Refusal
from clinic.models import Clinic
from clinic.outbox.sending import channels
from clinic.outbox.sending import send_due_messages as send
from sessions.models import Course
from sessions.operations.contact_details import change_contact_details
from sessions.operations.refresh import refresh_due_courses
from tests.simulation.people import Life
from tests.simulation.post import Post
from tests.support.cast import START, Cast, enrol, make_cast
from tests.support.clinic_day import set_clock

ZONES = ("America/New_York", "Europe/Paris", "Australia/Lord_Howe")
PULLED = 0.0015  # of a statement, that it is the last one
LONGEST_STEP = timedelta(hours=6)


class PlugPulled(BaseException):
    """The process is gone: nothing of it runs after this line, and no `except Exception` sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """`patient` may get nothing by that channel from then until then."""

    to: str
    from_at: datetime
    until_at: datetime | None


@dataclass(kw_only=True)
class World:
    """Everything that happens, happens at `now`. `loop_down` are the times at which nobody looked or sent;
    `pulled` when a process died."""

    seed: int
    clinics: int
    days: int
    courses: int  # in each clinic at first; one more every three weeks
    now: datetime = START
    chance: Random = field(default_factory=Random)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    pulled: list[datetime] = field(default_factory=list)
    loop_down: list[tuple[datetime, datetime]] = field(default_factory=list)
    casts: list[Cast] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    looks: int = 0
    _agenda: list[tuple[datetime, int, str, Callable[[], Any]]] = field(default_factory=list)
    _number: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.post = Post(Random(self.seed + 1), lambda: self.now)

    @property
    def again(self) -> str:
        """What repeats this very run."""
        return (
            f"python -m tests.simulation --seed {self.seed} --clinics {self.clinics} --days {self.days} "
            f"--courses {self.courses}"
        )

    # --- the run --------------------------------------------------------------------------------------------

    def run(self, *, check: Callable[[World], object]) -> None:
        """`check` is asked every simulated week, and when all has come to rest."""
        end = START + timedelta(days=self.days)
        set_clock(self.now)
        with patch.dict(channels, self.post.channels()):
            for number in range(self.clinics):
                self._open_clinic(number, end)
            weekly = self.now + timedelta(days=7)
            while self.now < end:
                self._step(until=end)
                if self.now >= weekly and not self._down_at(self.now):
                    check(self)
                    weekly = self.now + timedelta(days=7)
            self._come_to_rest()
            check(self)

    def _step(self, *, until: datetime) -> None:
        ahead = [at for at in (self._next_in_database(), *(row[0] for row in self._agenda[:1])) if at]
        self.now = min(max(min(ahead, default=until), self.now + timedelta(seconds=1)), until)
        set_clock(self.now)
        while self._agenda and self._agenda[0][0] <= self.now:
            _at, _number, name, act = heapq.heappop(self._agenda)
            self._do(name, act)
        if not self._down_at(self.now):
            self._look()

    def _next_in_database(self) -> datetime | None:
        if (down := self._down_at(self.now)) is not None:
            return down[1]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT least((SELECT min(look_again_at) FROM therapy_sessions_course),"
                " (SELECT min(send_at) FROM clinic_message WHERE state IN ('planned', 'uncertain')),"
                " (SELECT min(lease_until) + interval '1 second' FROM clinic_message WHERE state = 'leased'))"
            )
            (at,) = cursor.fetchone()
        return min(at, self.now + LONGEST_STEP) if at is not None else self.now + LONGEST_STEP

    def _look(self) -> None:
        """One turn of the loop, during which the plug may be pulled at any statement, and at the named points
        between them."""
        self.looks += 1
        for turn in (
            lambda: outbox.sweep(now=self.now),
            lambda: refresh_due_courses(now=self.now),
            lambda: send(now=self.now),
        ):
            try:
                with self._plug():
                    turn()
            except PlugPulled:
                self.pulled.append(self.now)

    @contextmanager
    def _plug(self) -> Iterator[None]:
        def pull(name: str) -> None:
            if not self.post.calm and self.chance.random() < 10 * PULLED:
                raise PlugPulled(name)

        def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if not self.post.calm and self.chance.random() < PULLED:
                raise PlugPulled(sql)
            return execute(sql, params, many, context)

        with patch("clinic.outbox.sending.crash_point", pull), connection.execute_wrapper(wrapper):
            yield

    def _do(self, name: str, act: Callable[[], Any]) -> None:
        """Somebody does it, and does it again when the machine died under it."""
        for _try in range(5):
            try:
                with self._plug():
                    act()
            except Refusal as refusal:
                self.refused[f"{name}: {refusal.code}"] += 1
            except PlugPulled:
                self.pulled.append(self.now)
                continue
            else:
                self.done[name] += 1
            return

    def _come_to_rest(self) -> None:
        """Nothing fails any more, and nobody does anything: what was begun is finished."""
        self.post.calm = True
        self._agenda.clear()
        for _hour in range(12):
            self.now += timedelta(minutes=30)
            set_clock(self.now)
            self._look()

    def _down_at(self, at: datetime) -> tuple[datetime, datetime] | None:
        return next((span for span in self.loop_down if span[0] <= at < span[1]), None)

    def told(self) -> str:
        """What happened, in a few lines."""
        return "\n".join(
            (
                f"{self.days} days of {self.clinics} clinics, {len(self.lives)} courses, {self.looks} looks",
                f"plug pulled {len(self.pulled)} times, loop down {len(self.loop_down)} times, "
                f"provider in trouble {self.post.refused} times",
                f"done: {dict(self.done)}",
                f"refused: {dict(self.refused)}",
            )
        )

    # --- what is to come ------------------------------------------------------------------------------------

    def at(self, instant: datetime, name: str, act: Callable[[], Any]) -> None:
        heapq.heappush(self._agenda, (max(instant, self.now), next(self._number), name, act))

    def _open_clinic(self, number: int, end: datetime) -> None:
        cast = make_cast(f"house-{number + 1}", zone=ZONES[number % len(ZONES)])
        Clinic.objects.filter(pk=cast.clinic.pk).update(text_sender=f"+1202555010{number}")
        cast.clinic.refresh_from_db()
        self.casts.append(cast)
        for course in range(self.courses):
            self.at(
                START + timedelta(days=self.chance.randint(0, 6), minutes=self.chance.randint(0, 600)),
                "enrolled",
                lambda one=course: self._enrol(cast, one),  # type: ignore[misc]
            )
        later, following = START, self.courses
        while (later := later + timedelta(days=21)) < end:
            self.at(later, "enrolled", lambda one=following: self._enrol(cast, one))  # type: ignore[misc]
            following += 1
        day = START
        while (day := day + timedelta(days=self.chance.randint(8, 40))) < end:
            begin = day + timedelta(minutes=self.chance.randint(0, 1439))
            self.loop_down.append((begin, begin + timedelta(minutes=self.chance.randint(5, 26 * 60))))

    def _enrol(self, cast: Cast, number: int) -> None:
        code = f"S-{number:04}"
        if any(life.cast is cast and life.code == code for life in self.lives):
            return
        course: Course | None = Course.objects.filter(clinic=cast.clinic, patient__code=code).first()
        course = course or enrol(cast, code, now=self.now)
        texts = self.chance.random() < 0.6
        change_contact_details(
            actor=cast.actor("eve", at=self.now),
            patient_id=course.patient.public_id,
            email=f"{code.lower()}@{cast.clinic.slug}.example",
            phone=f"+1 202 555 01{number % 100:02}",
            email_allowed=True,
            text_allowed=texts,
            now=self.now,
        )
        life = Life(world=self, cast=cast, course=course, code=code, texts=texts)
        self.lives.append(life)
        life.begin()
