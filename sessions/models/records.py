"""What was recorded: facts, notes and signatures. All append-only by trigger; a correction is a new row that
amends."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, When

from clinic.models import ClinicRow
from sessions.models.bookings import SessionRecord
from sessions.models.courses import Course
from sessions.models.errors import EnteredInError, StandingRecords
from sessions.rules.facts import FactSource
from sessions.rules.notes import Part


class _StandingFacts(StandingRecords["FactRecord"]):
    of = "fact"


class _StandingNotes(StandingRecords["NoteRecord"]):
    of = "note"


class FactRecord(ClinicRow):
    """One fact as `sessions/rules/facts.py` knows it: `value` is the JSON of the value class named by `kind`.

    One table for every kind, so that amending, the three clocks, idempotency and the engine's history are
    written once. `objects` knows nothing of what was entered in error, whoever asks it: a new view or count
    leaves that out without thinking of it. `every` is for the audit, for proving signatures and for ids.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="facts")
    session_record = models.ForeignKey(
        SessionRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="facts"
    )
    kind = models.TextField()
    key = models.TextField(null=True, blank=True)
    occurred_at = models.DateTimeField()
    aware_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    observed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    source = models.TextField(choices=[(source.value, source.value) for source in FactSource])
    amends = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="amended_by"
    )
    reason = models.TextField(blank=True, default="")  # why amended, or why kept beyond a limit
    schema = models.PositiveSmallIntegerField(default=1)
    value = models.JSONField()
    objects: models.Manager[FactRecord] = _StandingFacts()
    every: models.Manager[FactRecord] = models.Manager()
    # The version its course followed when it was made: it always renders with that version's words.
    protocol_version = models.ForeignKey(
        "protocols.ProtocolVersion", on_delete=models.PROTECT, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "amends"],
                condition=Q(amends__isnull=False),
                name="one_amendment_per_record",
            ),
            models.CheckConstraint(
                condition=Q(amends__isnull=True) | ~Q(reason=""), name="an_amendment_says_why"
            ),
            models.CheckConstraint(
                condition=Q(occurred_at__lte=F("recorded_at")), name="a_fact_is_recorded_after_it_occurred"
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "course", "occurred_at"], name="facts_of_a_course"),
            models.Index(fields=["clinic", "session_record", "occurred_at"], name="facts_of_a_session"),
            models.Index(
                fields=["clinic", "occurred_at"],
                condition=Q(kind__in=["dose_given", "dose_withheld"]),
                name="doses_of_a_clinic",
            ),
        ]


class NoteRecord(ClinicRow):
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="notes")
    session_record = models.ForeignKey(
        SessionRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="notes"
    )
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    amends = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="amended_by"
    )
    addendum = models.BooleanField(default=False)  # written after the session was signed
    # The lead author's note, or what a named contributor added under their own name.
    part = models.TextField(choices=[(part.value, part.value) for part in Part], default=Part.LEAD.value)
    # As in sessions/rules/notes.py: where each text came from. `text` says the same as one plain text. None:
    # it was written as one text.
    blocks = models.JSONField(default=list)
    objects: models.Manager[NoteRecord] = _StandingNotes()
    every: models.Manager[NoteRecord] = models.Manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "amends"], condition=Q(amends__isnull=False), name="one_amendment_per_note"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="a_note_says_something"),
        ]


def _amended_since() -> Q:
    """Of a signature: something of its session was recorded after it, or something that it covers was found
    to be entered in error. Addenda do not amend; nor does what came and left since, for signed anew, the
    record would say the same."""
    covered = Q(fact__pk__lte=OuterRef("last_fact_id")) | (
        Q(note__recorded_at__lte=OuterRef("signed_at"))
        & (Q(note__addendum=False) | Q(note__part=Part.CONTRIBUTION.value))
    )
    return Q(
        Exists(
            FactRecord.objects.filter(
                session_record=OuterRef("session_record"), pk__gt=OuterRef("last_fact_id")
            )
        )
    ) | Q(
        Exists(
            EnteredInError.objects.filter(
                covered, session_record=OuterRef("session_record"), pk__gt=OuterRef("last_error_id")
            )
        )
    )


class SignatureQuerySet(models.QuerySet["SignatureRecord"]):
    def with_standing(self) -> SignatureQuerySet:
        """Each row with `superseded`."""
        shown = {"superseded": Case(When(_amended_since(), then=True), default=False)}
        return self.annotate(**shown)

    def standing(self) -> SignatureQuerySet:
        """Those that hold for the record as it is now."""
        return self.filter(~_amended_since())

    def authors_standing(self) -> SignatureQuerySet:
        return self.standing().filter(meaning="author")


class SignatureRecord(ClinicRow):
    """Who signed which session record, what exactly it said then, and the digest of that.

    A record amended since is signed again by a new row; this one stays as it was.
    """

    superseded = False  # set where rows are read `with_standing`: amended since it was signed

    session_record = models.ForeignKey(SessionRecord, on_delete=models.PROTECT, related_name="signatures")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.TextField()
    role = models.TextField()
    meaning = models.TextField()
    digest = models.TextField()  # SHA-256 of the canonical record, hex
    signed_at = models.DateTimeField()
    # How the canonical record was spelled (`sessions/queries/canonical.py`); 1 kept no text.
    scheme = models.PositiveSmallIntegerField()
    content = models.TextField(blank=True, default="")  # the canonical record as it was signed
    seal = models.TextField(blank=True, default="")  # SHA-256 of the digest with all else that stands here
    last_fact_id = models.BigIntegerField(default=0)  # the newest fact of the session that was signed
    last_error_id = models.BigIntegerField(default=0)  # the newest of its rows that had left by then

    objects = SignatureQuerySet.as_manager()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "session_record", "person", "meaning", "digest"],
                name="a_person_signs_the_same_record_once_per_meaning",
            ),
        ]
