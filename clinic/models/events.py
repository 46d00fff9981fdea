"""The event log: who did what, when. Append-only by trigger; ids, codes and numbers only, because it is never
erased."""

from __future__ import annotations

from django.db import models

from clinic.models.rows import ClinicRow


class Event(ClinicRow):
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(
        null=True, help_text="A person's or a patient's id; none for the system."
    )
    verb = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=60)
    subject_id = models.BigIntegerField()
    # Not a foreign key: the house knows no courses.
    course_id = models.BigIntegerField(null=True)
    reason_code = models.CharField(max_length=60, blank=True)
    request_id = models.UUIDField()
    schema = models.PositiveSmallIntegerField(default=1)
    data = models.JSONField(default=dict)

    class Meta(ClinicRow.Meta):
        indexes = [
            models.Index(
                fields=["clinic", "course_id", "recorded_at"],
                condition=models.Q(course_id__isnull=False),
                name="events_of_a_course",
            ),
            models.Index(fields=["clinic", "subject_type", "subject_id"], name="events_of_a_subject"),
            models.Index(fields=["clinic", "recorded_at"], name="events_of_a_clinic"),
        ]

    def __str__(self) -> str:
        return f"{self.verb.replace('_', ' ')} {self.subject_type} {self.subject_id}"
