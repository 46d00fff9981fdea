"""Notes while they are written, the templates they are written on, who writes them; and psychotherapy notes,
which are a kind of their own and stand in no record.

What is finished is a `NoteRecord` (records.py). A draft is no record: it changes, and goes when it is
finished.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicRow
from sessions.models.bookings import SESSION_KINDS, SessionRecord
from sessions.models.courses import Course
from sessions.models.records import NoteRecord
from sessions.rules.notes import Part

PARTS = [(part.value, part.value) for part in Part]
TO_LOOK_AT = Q(number__isnull=True, settled_at__isnull=True)
"""Of a `TextVersion`: refused, and its author has not looked at it yet."""


class NoteTemplate(ClinicRow):
    """A clinic's own template, or its own wording of a shipped one of the same code. A note keeps the blocks
    it was begun with."""

    code = models.SlugField(max_length=40)
    title = models.CharField(max_length=80)
    # The kinds of session it is offered for; none: every kind.
    kinds = ArrayField(models.TextField(choices=SESSION_KINDS), default=list, blank=True)
    blocks = models.JSONField()
    in_use = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "code"], name="one_note_template_per_code"),
            models.CheckConstraint(condition=~Q(blocks=[]), name="a_note_template_has_a_block"),
        ]


class WorkingText(ClinicRow):
    """A text while its author works on it. `version` counts its accepted saves: who saves names the version
    they began from, and a second window that began from an older one is refused with both texts."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    blocks = models.JSONField()
    version = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    saved_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = True


class TextVersion(ClinicRow):
    """What a save said: accepted as `number`, or refused (`number` None) and kept beside it until its author
    has looked at it (`settled_at`)."""

    number = models.PositiveIntegerField(null=True, blank=True)
    base = models.PositiveIntegerField()  # the version it was written over
    blocks = models.JSONField()
    saved_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = True


class NoteDraft(WorkingText):
    """One person's text of one held session. The lead author's becomes the session's note; a contributor's
    is added to it under their own name."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="note_drafts")
    session_record = models.ForeignKey(SessionRecord, on_delete=models.PROTECT, related_name="note_drafts")
    part = models.TextField(choices=PARTS)
    template = models.TextField(blank=True, default="")
    # The finished, unsigned note whose next wording this is.
    amends = models.ForeignKey(NoteRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    finished_as = models.OneToOneField(
        NoteRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="draft"
    )

    class Meta(WorkingText.Meta):
        abstract = False
        constraints = [
            *WorkingText.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "session_record", "author"],
                condition=Q(finished_as__isnull=True),
                name="one_open_draft_per_author_and_session",
            ),
            models.UniqueConstraint(
                fields=["clinic", "session_record"],
                condition=Q(finished_as__isnull=True, part=Part.LEAD.value),
                name="one_open_lead_draft_per_session",
            ),
        ]


class NoteDraftVersion(TextVersion):
    draft = models.ForeignKey(NoteDraft, on_delete=models.CASCADE, related_name="versions")

    class Meta(TextVersion.Meta):
        abstract = False
        constraints = [
            *TextVersion.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "draft", "number"],
                condition=Q(number__isnull=False),
                name="one_accepted_save_per_version_of_a_draft",
            ),
        ]
        indexes = [models.Index(fields=["clinic"], condition=TO_LOOK_AT, name="texts_beside_a_note")]


class NoteContributor(ClinicRow):
    """Somebody named as contributor to a session's note: they attest it, too."""

    session_record = models.ForeignKey(SessionRecord, on_delete=models.PROTECT, related_name="contributors")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField()
    taken_back_at = models.DateTimeField(null=True, blank=True)
    attested_at = models.DateTimeField(null=True, blank=True)  # so that who waits is found at once

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "session_record", "person"],
                condition=Q(taken_back_at__isnull=True),
                name="a_contributor_is_named_once",
            ),
            models.CheckConstraint(
                condition=Q(taken_back_at__isnull=True) | Q(taken_back_at__gte=F("named_at")),
                name="a_contributor_is_taken_back_after_being_named",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "person"],
                condition=Q(taken_back_at__isnull=True, attested_at__isnull=True),
                name="parts_to_attest",
            )
        ]


class PsychotherapyNote(WorkingText):
    """A therapist's own notes of a conversation, kept apart from the record: nobody else opens them, no
    export holds them, and nothing that belongs into the record is asked for here. Never of a dosing session,
    which a trigger says too."""

    # No way leads here from a course or a session: what reads these names them, and is counted by a test.
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="+")
    session_record = models.ForeignKey(SessionRecord, on_delete=models.PROTECT, related_name="+")

    class Meta(WorkingText.Meta):
        abstract = False
        constraints = [
            *WorkingText.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "session_record", "author"],
                name="one_psychotherapy_note_per_author_and_session",
            ),
        ]


class PsychotherapyNoteVersion(TextVersion):
    note = models.ForeignKey(PsychotherapyNote, on_delete=models.PROTECT, related_name="versions")

    class Meta(TextVersion.Meta):
        abstract = False
        constraints = [
            *TextVersion.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "note", "number"],
                condition=Q(number__isnull=False),
                name="one_accepted_save_per_version_of_a_psychotherapy_note",
            ),
        ]
        indexes = [models.Index(fields=["clinic"], condition=TO_LOOK_AT, name="texts_beside_an_own_note")]
