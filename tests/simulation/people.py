"""What becomes of one patient: visits booked, moved, missed and held, calls made or forgotten, links
followed, messages stopped and allowed again, a hold, a departure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from clinic.models import Channel
from protocols.queries import definition_of
from sessions.models import Course, CourseRequirement
from sessions.models.patients import LinkPurpose
from sessions.operations import answering
from sessions.operations.booking import book_session, cancel_booking, check_in_patient, mark_no_show
from sessions.operations.contact_details import change_contact_details
from sessions.operations.contacts import record_contact
from sessions.operations.doses import order_dose
from sessions.operations.ending import Release, end_session
from sessions.operations.entering import log_session
from sessions.operations.starting import start_session
from sessions.operations.workflow import put_course_on_hold, resume_course, withdraw_patient
from sessions.queries.links import link_of
from sessions.rules.facts import ContactResult, DosePart, Mode
from tests.support.cast import Cast, assess, calm_answers, checklist_items, fill_chart
from tests.support.clinic_day import give, release_items, vitals

if TYPE_CHECKING:
    from tests.simulation.world import World

ANYTHING = frozenset({"outside-window", "course-closed"})
LINK = re.compile(r"/p/([A-Za-z0-9_-]{16,})/")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Life:
    world: World
    cast: Cast
    course: Course
    code: str
    texts: bool
    stopped: list[tuple[datetime, datetime | None]] = field(default_factory=list)  # nothing may come
    left_at: datetime | None = None
    read: int = 0  # of the mail that came, how much was looked at

    @property
    def email(self) -> str:
        return f"{self.code.lower()}@{self.cast.clinic.slug}.example"

    def begin(self) -> None:
        self._in(DAY, "chart filled", self._fill_chart)
        self._in(2 * DAY, "booked", lambda: self._book("preparation.1"))
        self._in(DAY, "day", self._day)

    def _in(self, delay: timedelta, name: str, act: Callable[[], object]) -> None:
        jitter = timedelta(minutes=self.world.chance.randint(0, 240))
        self.world.at(self.world.now + delay + jitter, name, act)

    def _luck(self) -> float:
        return self.world.chance.random()

    def _fill_chart(self) -> None:
        fill_chart(self.cast, self.course, now=self.world.now)

    # --- visits ---------------------------------------------------------------------------------------------

    def _book(self, key: str, *, ahead: timedelta | None = None) -> None:
        if self.left_at is not None:
            return
        now = self.world.now
        starts_at = now + (ahead or timedelta(days=self.world.chance.randint(3, 9)))
        starts_at = starts_at.replace(minute=self.world.chance.choice((0, 30)), second=0, microsecond=0)
        dosing = key.startswith("dosing")
        try:
            if dosing:
                fill_chart(self.cast, self.course, now=now, cycle=int(key.rpartition(".")[2]))
            booking = book_session(
                actor=self.cast.actor("ada", at=now),
                course_id=self.course.public_id,
                key=key,
                starts_at=starts_at,
                people=[self.cast.id("ada"), self.cast.id("ben")] if dosing else [self.cast.id("ada")],
                room_id=self.cast.rooms["blue"].public_id if dosing else None,
                confirmed=ANYTHING,
                now=now,
            )
        except Exception:
            self._in(DAY, "booked", lambda: self._book(key))  # taken, on hold: another day
            raise
        luck = self._luck()
        if luck < 0.12:
            self._in(HOUR, "moved", lambda: self._book(key))
        elif luck < 0.20:
            self._in((starts_at - now) / 2, "cancelled", lambda: self._cancel(key, booking.public_id))
        elif luck < 0.28 and not dosing:
            self.world.at(starts_at + HOUR / 2, "not come", lambda: self._not_come(key, booking.public_id))
        else:
            act = self._hold_dosing if dosing else self._hold
            self.world.at(
                starts_at if dosing else starts_at + 90 * HOUR / 60,
                "held",
                lambda: act(key, booking.public_id, starts_at),
            )

    def _cancel(self, key: str, booking_id: UUID) -> None:
        cancel_booking(
            actor=self.cast.actor("eve", at=self.world.now),
            booking_id=booking_id,
            reason="The patient asked for it.",
            now=self.world.now,
        )
        self._in(2 * DAY, "booked", lambda: self._book(key))

    def _not_come(self, key: str, booking_id: UUID) -> None:
        mark_no_show(
            actor=self.cast.actor("ada", at=self.world.now), booking_id=booking_id, now=self.world.now
        )
        self._in(2 * DAY, "booked", lambda: self._book(key))

    def _hold(self, key: str, _booking_id: UUID, starts_at: datetime) -> None:
        now = self.world.now
        log_session(
            actor=self.cast.actor("ada", at=now),
            course_id=self.course.public_id,
            key=key,
            started_at=starts_at,
            ended_at=now,
            staff=[self.cast.id("ben")],
            items=checklist_items(self.course, key),
            confirmed=ANYTHING,
            now=now,
        )
        self._what_follows(key)

    def _what_follows(self, key: str) -> None:
        rule, _at, cycle = key.partition("@dosing.")
        name, _dot, number = rule.rpartition(".")
        if name == "preparation" and number == "3":
            assess(
                self.cast,
                self.course,
                now=self.world.now,
                key="pcl5.baseline",
                instrument="pcl5",
                by="patient",
            )
            self._in(DAY, "booked", lambda: self._book("dosing.1", ahead=8 * DAY))
        elif name == "integration" and number == "3":
            if cycle in "12":
                following = f"dosing.{int(cycle) + 1}"
                self._in(DAY, "booked", lambda: self._book(following, ahead=8 * DAY))
        else:
            following = f"{name}.{int(number) + 1}" + (f"@dosing.{cycle}" if cycle else "")
            self._in(DAY, "booked", lambda: self._book(following))

    def _hold_dosing(self, key: str, booking_id: UUID, starts_at: datetime) -> None:
        now, cycle = self.world.now, int(key.rpartition(".")[2])
        ada, dov = self.cast.actor("ada", at=now), self.cast.actor("dov", at=now)
        check_in_patient(actor=ada, booking_id=booking_id, now=now)
        order_dose(actor=dov, course_id=self.course.public_id, cycle=cycle, amount=Decimal(80), now=now)
        record = start_session(
            actor=ada, course_id=self.course.public_id, key=key, staff=[self.cast.id("ben")], now=now
        )
        vitals(self.cast, record, at=now + timedelta(minutes=5))
        give(self.cast, record, part=DosePart.INITIAL, amount=80, at=now + timedelta(minutes=10))

        def later(minutes: int, name: str, act: Callable[[datetime], object]) -> None:
            self.world.at(now + timedelta(minutes=minutes), name, lambda: act(self.world.now))

        later(105, "reading", lambda at: vitals(self.cast, record, at=at))
        later(
            110,
            "supplement",
            lambda at: give(self.cast, record, part=DosePart.SUPPLEMENT, amount=40, at=at),
        )
        later(475, "reading", lambda at: vitals(self.cast, record, at=at))
        later(480, "dosing ended", lambda _at: self._end_dosing(key, record.public_id))

    def _end_dosing(self, key: str, record_id: UUID) -> None:
        now = self.world.now
        end_session(
            actor=self.cast.actor("ada", at=now),
            record_id=record_id,
            ended_at=now,
            release=Release(
                items=release_items(self.course), second=self.cast.actor("ben", at=now), adverse_events=False
            ),
            now=now,
        )
        self._in(HOUR, "booked", lambda: self._book(f"integration.1@{key}", ahead=16 * HOUR))

    # --- every day ------------------------------------------------------------------------------------------

    def _day(self) -> None:
        self._in(20 * HOUR, "day", self._day)
        self._read_mail()
        for name, likely, act in (
            ("called", 0.6, self._call),
            ("stopped", 0.015, self._stop),
            ("held back", 0.01, self._hold_course),
            ("left", 0.004, self._leave),
        ):
            if self._luck() < likely:
                self._in(HOUR, name, act)

    def _call(self) -> None:
        now = self.world.now
        key = (
            CourseRequirement.objects.filter(
                course=self.course, kind="contact", status__in=["open", "overdue"]
            )
            .order_by("due_at")
            .values_list("key", flat=True)
            .first()
        )
        if key is not None:
            reached = self._luck() < 0.8
            record_contact(
                actor=self.cast.actor("ada", at=now),
                course_id=self.course.public_id,
                result=ContactResult.REACHED if reached else ContactResult.NO_ANSWER,
                mode=Mode.PHONE,
                occurred_at=now,
                safe=True if reached else None,
                key=key,
                patient_location="at home",
                call_back_number="555-0142",
                now=now,
            )

    def _read_mail(self) -> None:
        """Some of what came is opened, and its button pressed."""
        came = [one for one in self.world.post.taken[Channel.EMAIL] if one.to == self.email]
        for mail in came[self.read :]:
            self.read += 1
            found = LINK.search(mail.body)
            if found is not None and self._luck() < 0.5:
                token = found.group(1)
                self._in(timedelta(0), "link followed", lambda token=token: self._follow(token))  # type: ignore[misc]

    def _follow(self, token: str) -> None:
        now, link = self.world.now, link_of(token)
        if link.purpose == LinkPurpose.VISIT:
            act = answering.ask_for_another_time if self._luck() < 0.15 else answering.confirm_visit
            act(token=token, now=now)
        else:
            instrument = answering.assessment_rule(
                definition=definition_of(link.course.protocol_version_id), key=link.key
            ).instrument
            answers = {item: value for item, value in calm_answers(instrument) if value is not None}
            answering.answer_form(token=token, answers=answers, now=now)

    # --- now and then ---------------------------------------------------------------------------------------

    def _allow(self, *, allowed: bool) -> None:
        change_contact_details(
            actor=self.cast.actor("eve", at=self.world.now),
            patient_id=self.course.patient.public_id,
            email=self.email,
            phone="+1 202 555 0100",
            email_allowed=allowed,
            text_allowed=allowed and self.texts,
            confirmed=frozenset({"mail-again", "texts-again"}),
            now=self.world.now,
        )

    def _stop(self) -> None:
        if self.stopped and self.stopped[-1][1] is None:
            return
        self._allow(allowed=False)
        self.stopped.append((self.world.now, None))
        self._in(timedelta(days=self.world.chance.randint(2, 20)), "allowed again", self._again)

    def _again(self) -> None:
        self._allow(allowed=True)
        self.stopped[-1] = (self.stopped[-1][0], self.world.now)

    def _hold_course(self) -> None:
        now, actor = self.world.now, self.cast.actor("dov", at=self.world.now)
        put_course_on_hold(actor=actor, course_id=self.course.public_id, reason="Travelling.", now=now)
        self._in(
            timedelta(days=self.world.chance.randint(1, 14)),
            "resumed",
            lambda: resume_course(
                actor=self.cast.actor("dov", at=self.world.now),
                course_id=self.course.public_id,
                now=self.world.now,
            ),
        )

    def _leave(self) -> None:
        withdraw_patient(
            actor=self.cast.actor("dov", at=self.world.now),
            course_id=self.course.public_id,
            reason="The patient wished it.",
            now=self.world.now,
        )
        self.left_at = self.world.now
