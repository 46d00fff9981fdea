"""A course that went on under another version of its protocol: when, by whom and why. Nobody's is moved any
other way."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from clinic.models import ClinicRow
from sessions.models.courses import Course


class CourseVersionMove(ClinicRow):
    """One move. Undoing it is another one, back. `reconsent`: the consents that the new version asks for
    anew."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="version_moves")
    from_version = models.ForeignKey("protocols.ProtocolVersion", on_delete=models.PROTECT, related_name="+")
    to_version = models.ForeignKey("protocols.ProtocolVersion", on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    moved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    moved_at = models.DateTimeField()
    reconsent = ArrayField(models.TextField(), default=list, blank=True)
    undoes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(reason=""), name="a_move_says_why"),
            models.CheckConstraint(
                condition=~Q(from_version=F("to_version")), name="a_move_leads_to_another_version"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "course", "moved_at"], name="version_moves_of_a_course")]
