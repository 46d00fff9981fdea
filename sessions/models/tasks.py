"""Work a person must do by a time: a call to make, a limit to look at. Every one has an owner, a cover and a
clock."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models import ClinicRow
from sessions.models.courses import Course
from sessions.rules.escalation import Rung


class TaskKind(models.TextChoices):
    WORRYING_ANSWER = "worrying_answer"
    CALL_ASKED = "call_asked"  # the patient asked to be called today
    NO_ANSWER = "no_answer"  # no answer to a check-in by the clinic's hour
    NOT_REACHED = "not_reached"  # nobody has reached the patient: somebody decides what to do
    MISSED_CONTACT = "missed_contact"
    MESSAGE_NOT_SENT = "message_not_sent"
    SAFETY_LIMIT = "safety_limit"  # a dose or a reading beyond a safety limit
    TIME_ASKED = "time_asked"  # the patient needs another time
    VISIT_MOVED = "visit_moved"  # the patient took another of the times offered
    LINK_LOCKED = "link_locked"  # somebody tried too often to show that they are the patient
    MISSED_VISIT = "missed_visit"  # the patient did not come, in the days after a dose
    RING_INSTEAD = "ring_instead"  # the patient wants to be rung instead of written to
    TEXT_CAME = "text_came"  # the patient answered a text in words that a person must read
    STAFF_GONE = "staff_gone"  # somebody booked for a visit will not work here on that day
    STAFF_AWAY = "staff_away"  # somebody booked for a visit turns out to be away then
    VISIT_TO_BOOK = "visit_to_book"  # cancelled by what was none, or holds no more
    RATER_NOT_BLIND = "rater_not_blind"  # who is to rate knows the patient by now, or can open the chart
    FIDELITY_RATER = "fidelity_rater"  # who was named to rate a session may not rate it any more
    DEVIATION_ACTION = "deviation_action"  # a corrective or preventive action agreed in a review
    EFFECTIVENESS_CHECK = "effectiveness_check"  # whether such actions worked
    DEVIATION_REPORT = "deviation_report"  # to the review board, the sponsor or the regulator


class StaffTask(ClinicRow):
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="staff_tasks")
    kind = models.TextField(choices=TaskKind.choices)
    subject = models.TextField()  # the requirement key or record id it is about: one open task for each
    safety = models.BooleanField(default=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="owned_tasks"
    )
    cover = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="covered_tasks",
    )
    # In whose stead they have it, while that person is away or has handed it over; it goes back to them.
    owner_for = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    cover_for = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    # Since when nobody whose work it is can take it: a coordinator has it, or nobody.
    unowned_since = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    act_by = models.DateTimeField()
    # Of a safety task: since when nobody has acted on it, and when somebody else is told.
    untouched_since = models.DateTimeField(null=True, blank=True)
    tell_next_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    resolution = models.TextField(blank=True, default="")

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "course", "kind", "subject"], name="a_task_is_opened_once_per_subject"
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | ~Q(resolution=""), name="a_done_task_says_how"
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "act_by"], condition=Q(done_at__isnull=True), name="open_tasks_by_clock"
            ),
            models.Index(
                fields=["clinic", "unowned_since"],
                condition=Q(done_at__isnull=True, unowned_since__isnull=False),
                name="open_tasks_of_nobody",
            ),
            models.Index(
                fields=["tell_next_at"],
                condition=Q(done_at__isnull=True, tell_next_at__isnull=False),
                name="tasks_to_tell_on",
            ),
        ]


class TaskTold(ClinicRow):
    """That a task on which nobody had acted `since` then was told to one more person. Append-only by
    trigger."""

    task = models.ForeignKey(StaffTask, on_delete=models.PROTECT, related_name="told")
    rung = models.TextField(choices=[(rung.value, rung.value) for rung in Rung])
    # None: nobody was here who could be told.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    since = models.DateTimeField()
    told_at = models.DateTimeField()

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(
                fields=["clinic", "task", "rung", "since"], name="each_is_told_once_of_a_task"
            ),
        ]
