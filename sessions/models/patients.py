"""Patients of one clinic, how to reach them, and the links sent to them. The same human elsewhere is another
row."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow, Resource


class Patient(ClinicRow):
    code = models.TextField()
    given_name = models.TextField()
    family_name = models.TextField()
    pronouns = models.TextField(blank=True, default="")
    born_on = models.DateField()
    zone = models.TextField()
    language = models.TextField(default="en")
    # Chart flags that rules ask for, e.g. can_become_pregnant.
    attributes = ArrayField(models.TextField(), default=list, blank=True)
    resource = models.OneToOneField(Resource, on_delete=models.PROTECT, related_name="patient")

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "code"], name="patient_codes_are_unique_in_a_clinic"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


class ContactDetails(ClinicRow):
    """Its own table, so that it can be encrypted later."""

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="contact_details")
    email = models.TextField(blank=True, default="")
    phone = models.TextField(blank=True, default="")
    email_allowed = models.BooleanField(default=False)
    email_stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [*ClinicRow.Meta.constraints]


class LinkPurpose(models.TextChoices):
    VISIT = "visit"
    CHECK_IN = "check_in"
    QUESTIONNAIRE = "questionnaire"


class PatientLink(ClinicRow):
    """A link mailed to a patient: one purpose, expiring, only the token's hash stored."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="links")
    course = models.ForeignKey("therapy_sessions.Course", on_delete=models.PROTECT, related_name="links")
    purpose = models.TextField(choices=LinkPurpose.choices)
    key = models.TextField()  # the requirement it is about
    booking = models.ForeignKey(
        "therapy_sessions.SessionBooking",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="links",
    )
    token_hash = models.BinaryField(max_length=32)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            # Looked up before the clinic is known: a link is the only key that does not begin with clinic_id.
            models.UniqueConstraint(fields=["token_hash"], name="a_link_token_is_never_issued_twice"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("made_at")), name="a_link_expires_after_it_is_made"
            ),
        ]
