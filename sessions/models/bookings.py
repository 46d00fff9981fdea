"""When a session is meant to happen (a booking, with the people and the room it needs) and that it did (a
record)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from clinic.models import ClinicRow, Resource
from protocols.rules.definition import SessionKind
from sessions.models.courses import Course
from sessions.rules.facts import Mode

SESSION_KINDS = [(kind.value, kind.value) for kind in SessionKind]
MODES = [(mode.value, mode.value) for mode in Mode]


class BookingStatus(models.TextChoices):
    BOOKED = "booked"
    CHECKED_IN = "checked_in"
    USED = "used"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


LIVE_BOOKINGS = [BookingStatus.BOOKED.value, BookingStatus.CHECKED_IN.value]


class SessionBooking(ClinicRow):
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="bookings")
    key = models.TextField()
    kind = models.TextField(choices=SESSION_KINDS)
    mode = models.TextField(choices=MODES, default=Mode.IN_PERSON.value)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.TextField(choices=BookingStatus.choices, default=BookingStatus.BOOKED)
    reason = models.TextField(blank=True, default="")  # why cancelled or taken back
    booked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)  # by the patient
    change_asked_at = models.DateTimeField(null=True, blank=True)
    # By which of the protocol's reminders it is announced, as the last look at its course found; what the
    # outbox has of it is proved against this. None: nobody has looked yet.
    reminders = ArrayField(models.TextField(), null=True, editable=False)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "key"],
                condition=Q(status__in=LIVE_BOOKINGS),
                name="one_live_booking_per_requirement",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="a_booking_ends_after_it_starts"
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "starts_at"],
                condition=Q(status__in=LIVE_BOOKINGS),
                name="live_bookings_by_day",
            )
        ]


class ResourceUse(ClinicRow):
    """A person, room or patient taken by a booking for a while."""

    booking = models.ForeignKey(SessionBooking, on_delete=models.PROTECT, related_name="uses")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="uses")
    period = DateTimeRangeField()
    live = models.BooleanField(default=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            # btree_gist is not everywhere: a one-point range makes equality of the resource a range overlap.
            ExclusionConstraint(
                name="no_double_booking",
                expressions=[
                    (
                        Func(F("resource_id"), F("resource_id"), Value("[]"), function="int8range"),
                        RangeOperators.OVERLAPS,
                    ),
                    ("period", RangeOperators.OVERLAPS),
                ],
                condition=Q(live=True),
            ),
        ]


class RecordStatus(models.TextChoices):
    UNDER_WAY = "under_way"
    ENDED = "ended"
    SIGNED = "signed"
    VOID = "void"  # started in error: never took place
    ENTERED_IN_ERROR = "entered_in_error"  # marked by its author, confirmed by a second person


NEVER_HELD = [RecordStatus.VOID.value, RecordStatus.ENTERED_IN_ERROR.value]


class _NotInError(models.Manager["SessionRecord"]):
    def get_queryset(self) -> models.QuerySet[SessionRecord]:
        return super().get_queryset().exclude(status=RecordStatus.ENTERED_IN_ERROR)


class SessionRecord(ClinicRow):
    """`objects` knows nothing of a session that was entered in error; `every` does, for the audit."""

    sign_again = False  # set where rows are read with it: signed, and amended since

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="session_records")
    booking = models.OneToOneField(
        SessionBooking, on_delete=models.PROTECT, null=True, blank=True, related_name="session_record"
    )
    key = models.TextField(null=True, blank=True)  # None: unscheduled, never a deviation
    kind = models.TextField(choices=SESSION_KINDS)
    mode = models.TextField(choices=MODES, default=Mode.IN_PERSON.value)
    # When remote: where the patient is, and a number to ring back.
    patient_location = models.TextField(blank=True, default="")
    call_back_number = models.TextField(blank=True, default="")
    status = models.TextField(choices=RecordStatus.choices, default=RecordStatus.UNDER_WAY)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # A dosing day on which no drug was given consumes no cycle: it does not count for its key.
    counts = models.BooleanField(default=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    objects: models.Manager[SessionRecord] = _NotInError()
    every: models.Manager[SessionRecord] = models.Manager()
    # The version its course followed when it was made: it always renders with that version's words.
    protocol_version = models.ForeignKey(
        "protocols.ProtocolVersion", on_delete=models.PROTECT, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "key"],
                condition=Q(key__isnull=False, counts=True) & ~Q(status__in=NEVER_HELD),
                name="one_session_held_per_requirement",
            ),
            models.UniqueConstraint(
                fields=["clinic", "course"],
                condition=Q(status=RecordStatus.UNDER_WAY.value),
                name="one_session_under_way_per_course",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="a_session_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=False)
                | Q(status__in=[RecordStatus.UNDER_WAY.value, RecordStatus.VOID.value]),
                name="an_ended_session_has_an_end",
            ),
        ]
        indexes = [models.Index(fields=["clinic", "course", "started_at"], name="sessions_of_a_course")]
