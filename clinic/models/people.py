"""Whoever signs in, and the clinics they work in. A patient is not a Person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy

from clinic.ids import uuid7
from clinic.models.absences import Absence, Deputy, Handover
from clinic.models.clinics import valid_text_number
from clinic.models.rows import ClinicRow
from clinic.permissions import Role


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        person = Person(email=self.normalize_email(email), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Person:
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> Person:
        # Addresses are unique by Lower(): however it is typed, it is the same person.
        return self.get(email__iexact=username)


class Person(AbstractBaseUser):
    """Roles come from memberships alone. `is_superuser` only runs the installation: makes clinics and
    appoints the first administrator of each; it opens no chart."""

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid7, editable=False, unique=True)
    email = models.EmailField(gettext_lazy("e-mail address"))
    printed_name = models.CharField(
        gettext_lazy("printed name"),
        max_length=200,
        help_text=gettext_lazy("As it stands on what they sign."),
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(
        default=True, help_text=gettext_lazy("May open the admin; what it shows follows their roles.")
    )
    is_superuser = models.BooleanField(default=False)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["printed_name"]

    class Meta:
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(Lower("email"), name="one_person_per_email")]

    def __str__(self) -> str:
        return self.printed_name

    def get_full_name(self) -> str:
        return self.printed_name

    def get_short_name(self) -> str:
        return self.printed_name

    # What Django's admin asks when a ModelAdmin does not answer for itself. Ours all do (clinic/admin/), by
    # role.
    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return self.is_active and self.is_superuser

    def has_perms(self, perm_list: Any, obj: object | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active


class MembershipQuerySet(models.QuerySet["Membership"]):
    def standing_at(self, at: datetime) -> MembershipQuerySet:
        """With what makes an Actor of each (`clinic.actors.as_actor`): whom they stand in for, and whether
        they act for a supervisor who is away. No query more."""
        here = {"clinic_id": OuterRef("clinic_id"), "from_at__lte": at}
        away = Absence.objects.filter(
            clinic_id=OuterRef("clinic_id"),
            person_id=OuterRef("supervisor_id"),
            from_at__lte=at,
            until_at__gt=at,
        )
        return self.annotate(
            stands_in_for=ArraySubquery(
                Handover.objects.filter(taker_id=OuterRef("person_id"), until_at__gt=at, **here).values(
                    "giver_id"
                )
            ),
            deputises=Exists(
                Deputy.objects.filter(
                    Q(until_at__isnull=True) | Q(until_at__gt=at),
                    Exists(away),
                    deputy_id=OuterRef("person_id"),
                    supervisor__memberships__clinic_id=F("clinic_id"),
                    supervisor__memberships__roles__contains=[Role.SUPERVISOR.value],
                    **here,
                )
            ),
        )


class Membership(ClinicRow):
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role]))
    from_on = models.DateField()
    until_on = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("Last day, in the clinic's zone.")
    )
    # Where the clinic texts them at any hour; of use only once a code that went there came back.
    text_number = models.CharField(
        gettext_lazy("number for texts"), max_length=20, blank=True, validators=[valid_text_number]
    )
    text_number_confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    texts_for_concerns = models.BooleanField(
        default=False, help_text=gettext_lazy("Concerns of patients by text instead of mail.")
    )
    # What a booking occupies when this member is booked.
    resource = models.OneToOneField("clinic.Resource", on_delete=models.PROTECT, related_name="membership")

    objects = MembershipQuerySet.as_manager()

    class Meta(ClinicRow.Meta):
        constraints = [
            *ClinicRow.Meta.constraints,
            models.UniqueConstraint(fields=["clinic", "person"], name="one_membership_per_person_and_clinic"),
            models.CheckConstraint(
                condition=models.Q(until_on__isnull=True) | models.Q(until_on__gte=models.F("from_on")),
                name="membership_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=models.Q(roles__len__gt=0), name="membership_has_a_role"),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=[role.value for role in Role]),
                name="membership_roles_are_known",
            ),
            models.CheckConstraint(
                condition=models.Q(text_number_confirmed_at__isnull=True) | ~models.Q(text_number=""),
                name="only_a_number_is_confirmed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} ({', '.join(self.roles)})"

    def active_on(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or day <= self.until_on)

    @property
    def role_set(self) -> frozenset[Role]:
        return frozenset(Role(role) for role in self.roles)


class NumberCode(ClinicRow):
    """A code that went to a number which a member says is theirs. Its digits are made from its public id and
    the installation's secret: they stand nowhere."""

    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="number_codes")
    number = models.CharField(max_length=20, validators=[valid_text_number])
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta(ClinicRow.Meta):
        constraints = [
            *ClinicRow.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("asked_at")),
                name="a_number_code_expires_after_it_is_asked_for",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.asked_at:%Y-%m-%d %H:%M}"
