"""Messages waiting to go out, every attempt at sending one, and the log of those that are finished with.

No address, name or text stands here: `render` makes the mail at the moment of sending, from what is true
then.
"""

from __future__ import annotations

from django.db import models

from clinic.models.rows import ClinicRow, WallTimeField

# The subject first: its index also finds all messages about one subject.
KEY_FIELDS = ["clinic", "subject_key", "purpose", "rule_code", "occurrence", "target_at", "channel"]


class MessageState(models.TextChoices):
    PLANNED = "planned"
    LEASED = "leased"
    HANDED_OFF = "handed_off"  # the channel accepted it
    DELIVERED = "delivered"  # the channel reported it delivered
    FAILED = "failed"
    UNCERTAIN = "uncertain"  # it may or may not have been accepted
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Channel(models.TextChoices):
    EMAIL = "email"
    TEXT = "text"


class AnyMessage(ClinicRow):
    """The columns that a waiting and a finished message share."""

    purpose = models.CharField(max_length=60)
    subject_key = models.CharField(max_length=200)
    rule_code = models.CharField(max_length=100, blank=True)
    occurrence = models.PositiveIntegerField(default=0)
    # What the message is about happens then: a moved visit is reminded anew.
    target_at = models.DateTimeField()
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    # Not a foreign key: the house knows no courses.
    course_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict, help_text="Ids and codes that render needs; no text, no contacts.")
    local_at = WallTimeField()
    zone = models.CharField(max_length=64)
    send_at = models.DateTimeField()
    not_after = models.DateTimeField()
    state = models.CharField(max_length=12, choices=MessageState.choices, default=MessageState.PLANNED)
    attempt = models.PositiveIntegerField(default=0)
    planned_at = models.DateTimeField()
    # Where several due at once go as one: the public id of the one that carries it, perhaps itself.
    carried_by = models.UUIDField(null=True, blank=True, editable=False)

    class Meta(ClinicRow.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"{self.purpose} {self.subject_key} ({self.state})"


class Message(AnyMessage):
    """A message not finished with. `uncertain` here waits for its one resend."""

    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # Set when the intent of the current attempt is committed: from then on it may have been accepted.
    intent_at = models.DateTimeField(null=True)
    unknown_outcomes = models.PositiveSmallIntegerField(default=0)

    class Meta(AnyMessage.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=KEY_FIELDS, name="one_message_per_purpose_and_target"),
            models.CheckConstraint(
                condition=models.Q(state__in=["planned", "leased", "uncertain"]),
                name="waiting_message_is_unfinished",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(state="leased", lease_token__isnull=False, lease_until__isnull=False)
                    | ~models.Q(state="leased") & models.Q(lease_token__isnull=True, lease_until__isnull=True)
                ),
                name="only_a_leased_message_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["send_at", "id"],
                condition=models.Q(state__in=["planned", "uncertain"]),
                name="messages_to_send_next",
            ),
            models.Index(
                fields=["lease_until"], condition=models.Q(state="leased"), name="leases_to_reclaim"
            ),
            models.Index(
                fields=["clinic", "course_id"],
                condition=models.Q(course_id__isnull=False),
                name="messages_of_a_course",
            ),
        ]


class MessageLog(AnyMessage):
    """A finished message, with the id it had while it waited."""

    id = models.BigIntegerField(primary_key=True)
    # The database held the waiting message to its clinic. Asking again for each that finishes would have all
    # senders lock the same row.
    clinic = models.ForeignKey(
        "clinic.Clinic", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    finished_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta(AnyMessage.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            # A cancelled one may be planned anew (a hold that ended); one that went out, or tried to, never.
            models.UniqueConstraint(
                fields=KEY_FIELDS,
                condition=~models.Q(state="cancelled"),
                name="one_finished_message_per_target",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["handed_off", "delivered", "failed", "uncertain", "cancelled", "expired"]
                ),
                name="logged_message_is_finished",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "finished_at"], name="finished_messages_by_day"),
            models.Index(
                fields=["clinic", "course_id"],
                condition=models.Q(course_id__isnull=False),
                name="finished_messages_of_a_course",
            ),
        ]


class MessageAttempt(ClinicRow):
    """One step of one attempt: the intent, committed before anything leaves the house, and then its outcome.
    Append-only by trigger."""

    class Step(models.TextChoices):
        INTENT = "intent"
        OUTCOME = "outcome"

    class Result(models.TextChoices):
        ACCEPTED = "accepted"
        PERMANENT = "permanent"
        TRANSIENT = "transient"
        UNKNOWN = "unknown"

    # Not a foreign key: the message moves to the log.
    message_id = models.BigIntegerField()
    attempt = models.PositiveIntegerField()
    step = models.CharField(max_length=10, choices=Step.choices)
    # The same for every attempt at one message, so that whoever receives two knows that they are one.
    message_key = models.CharField(max_length=200)
    result = models.CharField(max_length=10, choices=Result.choices, blank=True)
    detail = models.CharField(
        max_length=200, blank=True, help_text="A code of ours or the channel's; no addresses."
    )
    at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "message_id", "attempt", "step"],
                name="one_intent_and_one_outcome_per_attempt",
            ),
            models.CheckConstraint(
                condition=models.Q(step="intent", result="")
                | models.Q(step="outcome") & ~models.Q(result=""),
                name="only_an_outcome_has_a_result",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} #{self.attempt} {self.step} {self.result}"


class MessageReport(ClinicRow):
    """What a provider said afterwards of a message it had taken, once each. Append-only by trigger."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted"
        DELIVERED = "delivered"
        FAILED = "failed"
        COMPLAINED = "complained"  # the recipient called it unwanted
        UNSUBSCRIBED = "unsubscribed"

    # The message's public id: its row moves to the log.
    message = models.UUIDField()
    status = models.CharField(max_length=12, choices=Status.choices)
    provider_id = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=100, blank=True, help_text="The provider's code; no addresses.")
    received_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        constraints = [
            *ClinicRow.Meta.constraints,
            # A report told twice, or played back by somebody, is one report.
            models.UniqueConstraint(
                fields=["clinic", "message", "status", "provider_id"], name="a_report_is_taken_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message} {self.status}"
