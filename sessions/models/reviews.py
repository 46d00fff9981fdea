"""Session records on their way past a supervisor: sent, returned with comments on passages, sent again,
co-signed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicRow
from sessions.models.bookings import SessionRecord
from sessions.models.courses import Course
from sessions.models.records import NoteRecord


class ReviewOutcome(models.TextChoices):
    RETURNED = "returned"
    CO_SIGNED = "co_signed"
    WITHDRAWN = "withdrawn"  # there is nothing to review any more: entered in error


class RecordSubmission(ClinicRow):
    """A session record that waits for a supervisor, until one of them answers. Settled once, by trigger."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="submissions")
    session_record = models.ForeignKey(SessionRecord, on_delete=models.PROTECT, related_name="submissions")
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)  # by the protocol or the clinic; None: neither says
    outcome = models.TextField(choices=ReviewOutcome.choices, blank=True, default="")
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    words = models.TextField(blank=True, default="")  # to the whole, when it was returned
    seen = models.TextField(blank=True, default="")  # the record as whoever returned it saw it

    returned_before = False  # set where rows are read with it: it came back once already

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "session_record"],
                condition=Q(settled_at__isnull=True),
                name="a_record_waits_for_review_once",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", settled_at__isnull=True, settled_by__isnull=True)
                | (~Q(outcome="") & Q(settled_at__isnull=False, settled_by__isnull=False)),
                name="a_submission_is_settled_whole",
            ),
            models.CheckConstraint(
                condition=Q(settled_by__isnull=True)
                | Q(outcome=ReviewOutcome.WITHDRAWN.value)
                | ~Q(settled_by=F("submitted_by")),
                name="nobody_reviews_what_they_submitted",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "submitted_at"],
                condition=Q(settled_at__isnull=True),
                name="submissions_to_review",
            ),
        ]


class PassageComment(ClinicRow):
    """A supervisor's words about a passage: what to change, or praise. Append-only by trigger."""

    submission = models.ForeignKey(RecordSubmission, on_delete=models.PROTECT, related_name="comments")
    note = models.ForeignKey(NoteRecord, on_delete=models.PROTECT, related_name="+")
    quote = models.TextField()  # the passage, as it stood
    text = models.TextField()
    praise = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(quote="") & ~Q(text=""), name="a_comment_says_something_of_a_passage"
            ),
        ]
