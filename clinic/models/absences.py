"""Who is away on which days, who has a colleague's patients, calls and safety tasks meanwhile, and who acts
for a supervisor who is away.

Days are the clinic's, both included. Each row carries the same span as instants, `from_at` included and
`until_at` not, so that one instant belongs to one side: a clinic's zone never changes.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from clinic.models.rows import ClinicRow


def _never_two(name: str, *, of: str, when: Q | None = None) -> ExclusionConstraint:
    """Without btree_gist: a number stands for itself as the range that holds only it."""
    return ExclusionConstraint(
        name=name,
        expressions=[
            (Func(F(of), F(of), Value("[]"), function="INT8RANGE"), RangeOperators.OVERLAPS),
            (Func(F("clinic"), F("clinic"), Value("[]"), function="INT8RANGE"), RangeOperators.OVERLAPS),
            (Func(F("from_at"), F("until_at"), function="TSTZRANGE"), RangeOperators.OVERLAPS),
        ],
        condition=when,
    )


class Absence(ClinicRow):
    """Somebody does not work from the first of these days to the last."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="absences")
    from_on = models.DateField()
    until_on = models.DateField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()  # earlier than the last day's end when they came back before
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(until_on__gte=F("from_on"), until_at__gte=F("from_at")),
                name="an_absence_ends_after_it_begins",
            ),
            _never_two("nobody_is_away_twice_at_once", of="person"),
        ]
        indexes = [models.Index(fields=["clinic", "until_at"], name="absences_by_their_end")]

    def __str__(self) -> str:
        return f"{self.person}, {self.from_on} to {self.until_on}"


class Handover(ClinicRow):
    """`giver`'s patients are `taker`'s too in these days, and so are the kinds of work named here."""

    giver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_given"
    )
    taker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers_taken"
    )
    from_on = models.DateField()
    until_on = models.DateField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()  # earlier than the last day's end when it was taken back before
    caseload = models.BooleanField()
    calls = models.BooleanField()
    safety_tasks = models.BooleanField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(until_on__gte=F("from_on"), until_at__gte=F("from_at")),
                name="a_handover_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="nobody_hands_over_to_themselves"),
            models.CheckConstraint(
                condition=Q(caseload=True) | Q(calls=True) | Q(safety_tasks=True),
                name="a_handover_hands_something_over",
            ),
            _never_two("one_has_a_caseload_at_a_time", of="giver", when=Q(caseload=True)),
            _never_two("one_has_the_calls_at_a_time", of="giver", when=Q(calls=True)),
            _never_two("one_has_the_safety_tasks_at_a_time", of="giver", when=Q(safety_tasks=True)),
        ]
        indexes = [
            models.Index(fields=["clinic", "taker", "until_at"], name="handovers_of_who_took_them"),
            models.Index(fields=["clinic", "until_at"], name="handovers_by_their_end"),
        ]

    def __str__(self) -> str:
        return f"{self.giver} to {self.taker}, {self.from_on} to {self.until_on}"


class Deputy(ClinicRow):
    """`deputy` acts as a supervisor here while `supervisor` is away. None: until further notice."""

    supervisor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deputies"
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deputises_for"
    )
    from_on = models.DateField()
    until_on = models.DateField(null=True, blank=True)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(ClinicRow.Meta):
        abstract = False
        verbose_name_plural = "deputies"
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(condition=~Q(supervisor=F("deputy")), name="a_deputy_is_somebody_else"),
            models.CheckConstraint(
                condition=Q(until_at__isnull=True) | Q(until_at__gte=F("from_at")),
                name="a_deputy_ends_after_they_begin",
            ),
        ]
        indexes = [models.Index(fields=["clinic", "deputy"], name="deputies_of_a_clinic")]

    def __str__(self) -> str:
        return f"{self.deputy} for {self.supervisor}"
