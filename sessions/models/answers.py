"""Answers as a patient gives them, before the form is finished."""

from __future__ import annotations

from django.db import models

from clinic.models import ClinicRow
from sessions.models.courses import Course


class AnswerGiven(ClinicRow):
    """One answer from a link, kept at once: the page may be closed, the form is resumed. The last one counts
    until the form is finished, and its answers are a fact; an item without a value was skipped."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="answers_given")
    key = models.TextField()  # the requirement that asks
    item = models.TextField()
    value = models.SmallIntegerField(null=True, blank=True)
    given_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "key", "item"], name="one_answer_given_per_item"
            ),
        ]
