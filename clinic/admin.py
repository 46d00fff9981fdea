"""The house's tables in Django's admin, by role: an administrator configures the people and rooms of their
own clinics; what happened, and what was sent, can be read there and changed nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from clinic import clock, queries
from clinic.actors import Actor, request_id_of
from clinic.errors import Refusal
from clinic.models import Clinic, Event, Membership, Message, MessageAttempt, MessageLog, Person, Room
from clinic.operations import people
from clinic.operations.clinics import change_clinic
from clinic.permissions import STAFF, Role

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin

admin.site.site_header = _("Clinic settings")
admin.site.site_title = _("Clinic settings")
# allauth registers its own tables, secrets and all; nobody reads those here.
admin.site.unregister(Authenticator)


class Standing:
    """What somebody is to the admin, found once per request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def administered(self) -> frozenset[int]:
        """Ids of the clinics in which they are administrator today."""
        user = self._request.user
        if not isinstance(user, Person) or not user.is_active:
            return frozenset()
        return frozenset(queries.administered_by(user, clock.now()))

    @property
    def runs_installation(self) -> bool:
        return bool(self._request.user.is_active and getattr(self._request.user, "is_superuser", False))


def standing(request: HttpRequest) -> Standing:
    found: Standing | None = getattr(request, "_standing", None)
    if found is None:
        found = Standing(request)
        request._standing = found  # type: ignore[attr-defined]  # for this request, and read only here
    return found


class HouseAdmin(_Admin):
    """An administrator sees and changes what belongs to their clinics; nobody deletes."""

    clinic_path = "clinic_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request)
        return rows.filter(**{f"{self.clinic_path}__in": standing(request).administered})

    def _administers(self, request: HttpRequest, obj: Model | None) -> bool:
        mine = standing(request).administered
        return bool(mine) if obj is None else self._clinic_of(obj) in mine

    def _clinic_of(self, obj: Any) -> int:
        return int(obj.clinic_id)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(standing(request).administered)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._administers(request, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self._administers(request, None)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._administers(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "clinic":
            kwargs["queryset"] = Clinic.objects.filter(pk__in=standing(request).administered)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def actor_in(request: HttpRequest, clinic_id: int) -> Actor:
    """The administrator as the actor of an operation in one of their clinics."""
    if clinic_id not in standing(request).administered or request.user.pk is None:
        raise PermissionDenied
    return Actor(
        kind="person",
        clinic_id=clinic_id,
        person_id=request.user.pk,
        roles=frozenset({Role.ADMINISTRATOR}),
        at=clock.now(),
        request_id=request_id_of(request),
    )


class ReadOnlyAdmin(HouseAdmin):
    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def why_changed() -> forms.CharField:
    """Required in every form that changes how the clinic runs; kept beside the event."""
    return forms.CharField(
        label=_("Why"), max_length=500, help_text=_("In a few words; it stays on the record.")
    )


class ReasonedForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's takes no type argument at run time
    reason = why_changed()


@admin.register(Clinic)
class ClinicAdmin(HouseAdmin):
    """Whoever runs the installation makes clinics, by command; an administrator sets up their own."""

    clinic_path = "pk"
    form = ReasonedForm
    list_display = ("name", "slug", "zone", "phone")

    def _clinic_of(self, obj: Any) -> int:
        return int(obj.pk)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # Its slug stands in every address ever mailed; its zone decides every window of every course.
        return ("slug", "zone")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The operation decides and writes its event; the admin only asks."""
        actor = actor_in(request, obj.pk)
        settings = {name: form.cleaned_data[name] for name in form.changed_data if name != "reason"}
        if settings:
            why = form.cleaned_data["reason"]
            change_clinic(actor=actor, settings=settings, now=actor.at, reason=why)


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's takes no type argument at run time
    roles = forms.MultipleChoiceField(
        choices=[(role.value, role.value.capitalize()) for role in STAFF], widget=forms.CheckboxSelectMultiple
    )
    reason = why_changed()

    class Meta:
        model = Membership
        fields = ("clinic", "person", "roles", "from_on", "until_on")


@admin.register(Membership)
class MembershipAdmin(HouseAdmin):
    form = MembershipForm
    list_display = ("person", "clinic", "roles", "from_on", "until_on")
    list_select_related = ("person", "clinic")
    list_filter = ("clinic",)
    search_fields = ("person__printed_name", "person__email")
    autocomplete_fields = ("person",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("clinic", "person") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The operation decides and writes its event; the admin only asks."""
        roles = frozenset(Role(role) for role in obj.roles)
        actor = actor_in(request, obj.clinic_id)
        if change:
            people.change_membership(
                actor=actor,
                membership_id=obj.pk,
                roles=roles,
                from_on=obj.from_on,
                until_on=obj.until_on,
                now=actor.at,
                reason=form.cleaned_data["reason"],
            )
        else:
            added = people.add_membership(
                actor=actor,
                person=obj.person,
                roles=roles,
                from_on=obj.from_on,
                until_on=obj.until_on,
                now=actor.at,
                reason=form.cleaned_data["reason"],
            )
            obj.pk = added.pk


@admin.register(Person)
class PersonAdmin(_Admin):
    """An administrator enters people and corrects their names. Nobody sets another's password: they ask for a
    new one themselves. Whoever works in a clinic that is not yours is not yours to change."""

    fields = ("email", "printed_name", "is_active")
    list_display = ("printed_name", "email", "is_active")
    search_fields = ("printed_name", "email")
    ordering = ("printed_name",)
    actions = ("take_second_factor_away",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request)
        return rows.filter(memberships__clinic__in=standing(request).administered).distinct()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        rows, distinct = super().get_search_results(request, queryset, search_term)
        if search_term and "@" in search_term:
            # To appoint somebody who works elsewhere one must know their whole address already.
            rows = rows | Person.objects.filter(email__iexact=search_term.strip())
            distinct = True
        return rows, distinct

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(standing(request).administered)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(standing(request).administered)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(standing(request).administered)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        mine = standing(request).administered
        if obj is None:
            return bool(mine)
        theirs = set(Membership.objects.filter(person=obj).values_list("clinic_id", flat=True))
        return theirs <= mine

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Take the second factor away (telephone and recovery codes lost)"))
    def take_second_factor_away(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        """The operation decides, for each of them, in a clinic where both work."""
        for person in queryset:
            place = next(
                iter(
                    standing(request).administered
                    & set(Membership.objects.filter(person=person).values_list("clinic_id", flat=True))
                ),
                None,
            )
            if place is None:
                continue
            try:
                actor = actor_in(request, place)
                people.take_second_factor_away(actor=actor, person=person, now=actor.at)
            except Refusal as refusal:
                self.message_user(
                    request, f"{person}: {refusal.message} {refusal.advice}".strip(), level=messages.ERROR
                )
            else:
                self.message_user(request, _("%s sets up a new one at the next sign-in.") % person)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)


@admin.register(Room)
class RoomAdmin(HouseAdmin):
    form = ReasonedForm
    fields = ("clinic", "name", "in_use", "reason")
    list_display = ("name", "clinic", "in_use")
    list_select_related = ("clinic",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("clinic",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The operation decides and writes its event; the admin only asks."""
        actor, why = actor_in(request, obj.clinic_id), form.cleaned_data["reason"]
        if change:
            people.change_room(
                actor=actor, room_id=obj.pk, name=obj.name, in_use=obj.in_use, now=actor.at, reason=why
            )
        else:
            obj.pk = people.add_room(actor=actor, name=obj.name, now=actor.at, reason=why).pk


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("recorded_at", "clinic", "verb", "subject_type", "subject_id", "actor_kind", "actor_id")
    list_filter = ("verb",)
    list_select_related = ("clinic",)
    show_full_result_count = False


@admin.register(Message, MessageLog)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("send_at", "clinic", "purpose", "channel", "state", "attempt")
    list_filter = ("state", "purpose")
    list_select_related = ("clinic",)
    show_full_result_count = False


@admin.register(MessageAttempt)
class MessageAttemptAdmin(ReadOnlyAdmin):
    list_display = ("at", "clinic", "message_id", "attempt", "step", "result", "detail")
    list_filter = ("step", "result")
    list_select_related = ("clinic",)
    show_full_result_count = False
