"""Patients of one clinic, how to reach them, and the links sent to them. The same human elsewhere is another
row."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from clinic.models import Channel, ClinicRow, Resource


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
    # What the telephone number is for texts, with its country code; "" when it can't get any.
    text_number = models.TextField(blank=True, default="")
    # What holds now; how it came about stands in ContactChoice.
    email_allowed = models.BooleanField(default=False)
    email_stopped_at = models.DateTimeField(null=True, blank=True)
    text_allowed = models.BooleanField(default=False)
    text_stopped_at = models.DateTimeField(null=True, blank=True)
    # "text:check_in": allowed on the whole, but not for this.
    declined = ArrayField(models.TextField(), default=list, blank=True)
    # Which is tried first; empty leaves it to the protocol. After "phone" a person rings instead.
    channel_order = ArrayField(models.TextField(), default=list, blank=True)
    discreet = models.BooleanField(default=False)
    shared_phone = models.BooleanField(default=False)
    # The word by which the patient shows at a link that it is them: its hash, never the word.
    word_hash = models.TextField(blank=True, default="")
    word_set_at = models.DateTimeField(null=True, blank=True)

    class Meta(ClinicRow.Meta):
        abstract = False
        verbose_name = verbose_name_plural = _("contact details")
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(word_hash="") | Q(word_set_at__isnull=False), name="a_word_says_since_when"
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "text_number"], condition=~Q(text_number=""), name="patients_by_text_number"
            )
        ]


class ContactChoice(ClinicRow):
    """One change to how a patient may be reached: who said so, through whom, and when. Append-only
    by trigger."""

    class Source(models.TextChoices):
        STAFF = "staff"  # the patient told them
        LINK = "link"  # the patient, on a page of ours
        TEXT = "text"  # the patient, by answering a text
        PROVIDER = "provider"  # blocked, or complained of, at the provider
        BEFORE = "before"  # what stood when this history began

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="contact_choices")
    channel = models.TextField()
    purpose = models.TextField(blank=True, default="")  # "": the whole channel
    allowed = models.BooleanField()
    source = models.TextField(choices=Source.choices)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    chosen_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [*ClinicRow.Meta.constraints]
        indexes = [models.Index(fields=["clinic", "patient", "chosen_at"], name="choices_of_a_patient")]


class ReceivedText(ClinicRow):
    """A text that came back, once. Its words are kept only when a person must read them. Append-only by
    trigger."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, null=True, blank=True, related_name="received_texts"
    )
    provider_id = models.TextField()
    word = models.TextField(blank=True, default="")  # stop, start, help, or "" for anything else
    text = models.TextField(blank=True, default="")
    received_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "provider_id"], name="a_text_is_received_once"),
        ]


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
    # By which it was sent: a code for it goes another way.
    channel = models.TextField(choices=Channel.choices, default=Channel.EMAIL)
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
