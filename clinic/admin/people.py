"""Who works in a clinic and may sign in, by administrators. Nobody sets another's password: they ask for a
new one themselves. Whoever works in a clinic that is not yours is not yours to change."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm, seats_that_may
from clinic.models import Clinic, Membership, Person
from clinic.operations import people
from clinic.operations.own_number import take_number_away
from clinic.permissions import STAFF, Permission, Role

# Others register tables of theirs, secrets and all. Nobody reads those here, nor changes an address past the
# operation that does it; groups mean nothing in this house.
admin.site.unregister([Authenticator, EmailAddress, Group])


def roles_field() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=[(role.value, role.value.capitalize()) for role in STAFF], widget=forms.CheckboxSelectMultiple
    )


class MembershipForm(OperationForm):
    roles = roles_field()

    class Meta:
        model = Membership
        fields = ("clinic", "person", "roles", "from_on", "until_on")


@admin.register(Membership)
class MembershipAdmin(HouseAdmin):
    sees = adds = changes = Permission.MANAGE_PEOPLE
    form = MembershipForm
    fixed = ("clinic", "person")
    list_display = ("person", "clinic", "roles", "from_on", "until_on", "text_number_confirmed_at")
    list_select_related = ("person", "clinic")
    list_filter = ("clinic",)
    search_fields = ("person__printed_name", "person__email")
    autocomplete_fields = ("person",)
    ends = Permission.MANAGE_PEOPLE
    actions = ("take_number_away",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        asked = {**given, "roles": frozenset(Role(role) for role in given["roles"])}
        if row is None:
            return people.add_membership(actor=actor, now=actor.at, reason=reason, **asked)
        return people.change_membership(
            actor=actor, membership_id=row.pk, now=actor.at, reason=reason, **asked
        )

    @admin.action(description=_("Take the number for texts away (telephone lost)"), permissions=["end"])
    def take_number_away(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: take_number_away(
                actor=actor, membership_id=row.pk, now=actor.at, reason=reason
            ),
            said=_("%s gets no more texts, until they confirm another number."),
        )


class PersonForm(OperationForm):
    class Meta:
        model = Person
        fields = ("email", "printed_name", "is_active")


class NewPersonForm(OperationForm):
    clinic = forms.ModelChoiceField(queryset=Clinic.objects.none(), label=_("Clinic"))
    roles = roles_field()
    from_on = forms.DateField(label=_("First day"))
    until_on = forms.DateField(label=_("Last day"), required=False)

    class Meta:
        model = Person
        fields = ("email", "printed_name")


@admin.register(Person)
class PersonAdmin(HouseAdmin):
    """Somebody new is entered together with where they work and as what."""

    sees = adds = changes = Permission.MANAGE_PEOPLE
    ends = Permission.MANAGE_PEOPLE
    clinic_path = "memberships__clinic"
    form = PersonForm
    add_form = NewPersonForm
    fixed = ()
    list_display = ("printed_name", "email", "is_active")
    search_fields = ("printed_name", "email")
    ordering = ("printed_name",)
    actions = ("take_second_factor_away",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).distinct()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        rows, distinct = super().get_search_results(request, queryset, search_term)
        if search_term and "@" in search_term:
            # To appoint somebody who works elsewhere one must know their whole address already.
            rows = rows | Person.objects.filter(email__iexact=search_term.strip()).distinct()
            distinct = True
        return rows, distinct

    def _places(self, obj: Any) -> set[int]:
        return set(Membership.objects.filter(person=obj).values_list("clinic_id", flat=True))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.sees, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        mine = self._in(request, self.changes)
        return bool(mine) if obj is None else self._places(obj) <= mine

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "clinic" in form.base_fields:
            mine = seats_that_may(request, Permission.MANAGE_PEOPLE)
            field = form.base_fields["clinic"]
            field.queryset = Clinic.objects.filter(pk__in=[actor.clinic_id for actor in mine])
            if len(mine) == 1:
                field.initial = mine[0].clinic_id
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is not None and self._asks(request, obj) is None:
            return ["email", "printed_name", "is_active"]
        return super().get_fields(request, obj)

    def _seat(self, request: HttpRequest, obj: Any) -> Actor:
        """In a clinic where both work."""
        places = self._places(obj)
        mine = (actor for actor in seats_that_may(request, self.sees) if actor.clinic_id in places)
        found = next(mine, None)
        if found is None:
            raise PermissionDenied
        return found

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        if row is None:
            roles = frozenset(Role(role) for role in given["roles"])
            asked = {**given, "roles": roles}
            return people.invite_person(actor=actor, now=actor.at, reason=reason, **asked).person
        return people.change_person(actor=actor, person_id=row.pk, now=actor.at, reason=reason, **given)

    @admin.action(
        description=_("Take the second factor away (telephone and recovery codes lost)"), permissions=["end"]
    )
    def take_second_factor_away(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        """The operation decides, for each of them."""
        self.end_each(
            request,
            queryset,
            lambda actor, row, reason: people.take_second_factor_away(
                actor=actor, person=row, now=actor.at, reason=reason
            ),
            said=_("%s sets up a new one at the next sign-in."),
        )
