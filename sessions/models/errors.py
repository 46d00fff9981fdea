"""Records made in the wrong chart or in error: who says so, who confirmed it, and which rows left with it.

Nothing is deleted. What is named here is no fact any more and stands in no view; the audit and the certified
copy still show it, signature and all.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import ClassVar, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from clinic.models import ClinicRow
from sessions.models.courses import Course

M = TypeVar("M", bound=models.Model)

MARKED = ("fact", "note", "session_record", "deviation", "report", "rating", "enrolment")
# With a row each; a session and an enrolment by their status, and all that is of them with them.
LEAVES = ("fact", "note", "deviation", "report", "rating")


def _one_of(names: Collection[str]) -> Q:
    each = (Q(**{f"{name}__isnull": name != one for name in names}) for one in names)
    return reduce(or_, each)


class ErrorMark(ClinicRow):
    """One record that its author says was entered in error, and a second person's answer. What was said is
    frozen by trigger, the answer too once it is given."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="error_marks")
    fact = models.ForeignKey(
        "therapy_sessions.FactRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.ForeignKey(
        "therapy_sessions.NoteRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    session_record = models.ForeignKey(
        "therapy_sessions.SessionRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Only one that somebody entered: what the engine raised, facts disprove.
    deviation = models.ForeignKey(
        "therapy_sessions.DeviationRecord",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="error_marks",
    )
    report = models.ForeignKey(  # that was recorded as made
        "therapy_sessions.DeviationReport",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="error_marks",
    )
    rating = models.ForeignKey(  # of a session's fidelity, handed in
        "therapy_sessions.FidelityRating",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="error_marks",
    )
    enrolment = models.ForeignKey(  # the course itself: of the wrong patient, or on the wrong protocol
        Course, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    confirmed = models.BooleanField(null=True, blank=True)
    answer = models.TextField(blank=True, default="")  # why it was declined

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=_one_of(MARKED), name="an_error_mark_names_one_record"),
            models.CheckConstraint(condition=~Q(reason=""), name="an_error_mark_says_why"),
            models.CheckConstraint(
                condition=Q(settled_by__isnull=True, settled_at__isnull=True, confirmed__isnull=True)
                | Q(settled_by__isnull=False, settled_at__isnull=False, confirmed__isnull=False),
                name="an_error_mark_is_settled_whole",
            ),
            models.CheckConstraint(
                condition=Q(settled_by__isnull=True) | ~Q(settled_by=F("asked_by")),
                name="a_second_person_settles_an_error_mark",
            ),
            *(
                models.UniqueConstraint(
                    fields=["clinic", name],
                    condition=Q(settled_at__isnull=True, **{f"{name}__isnull": False}),
                    name=f"one_open_error_mark_per_{name}",
                )
                for name in MARKED
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "asked_at"],
                condition=Q(settled_at__isnull=True),
                name="error_marks_to_settle",
            ),
        ]


class EnteredInError(ClinicRow):
    """A fact, note, deviation, report or rating that left with a confirmed mark. Append-only by trigger."""

    mark = models.ForeignKey(ErrorMark, on_delete=models.PROTECT, related_name="rows")
    fact = models.OneToOneField(
        "therapy_sessions.FactRecord",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entered_in_error",
    )
    note = models.OneToOneField(
        "therapy_sessions.NoteRecord",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entered_in_error",
    )
    deviation = models.OneToOneField(
        "therapy_sessions.DeviationRecord",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entered_in_error",
    )
    report = models.OneToOneField(
        "therapy_sessions.DeviationReport",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entered_in_error",
    )
    rating = models.OneToOneField(
        "therapy_sessions.FidelityRating",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entered_in_error",
    )
    session_record = models.ForeignKey(  # the session that the fact or note is of
        "therapy_sessions.SessionRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=_one_of(LEAVES), name="what_was_entered_in_error_is_one_record"),
        ]


class StandingRecords(models.Manager[M]):
    """What was not entered in error: the only rows that most code should ever see."""

    of: ClassVar[str]

    def get_queryset(self) -> models.QuerySet[M]:
        gone = EnteredInError.objects.filter(**{self.of: OuterRef("pk")})
        return super().get_queryset().filter(~Exists(gone))
