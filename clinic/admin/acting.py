"""How the admin acts: as the reader, with the roles they have in each clinic today, through one operation
that decides, asks the permission and writes the event. The admin itself only asks, and asks why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic import clock
from clinic.actors import Actor, as_actor, request_id_of
from clinic.errors import Refusal
from clinic.models import Clinic, Membership, Person
from clinic.permissions import HouseSubject, Permission, allows

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin

Given = Mapping[str, Any]


def seats(request: HttpRequest) -> list[Actor]:
    """Who the reader is in each clinic they work in today, found once per request."""
    found: list[Actor] | None = getattr(request, "_seats", None)
    if found is None:
        found = request._seats = _seats(request)  # type: ignore[attr-defined]  # read only here
    return found


def _seats(request: HttpRequest) -> list[Actor]:
    person = request.user
    if not isinstance(person, Person) or not person.is_active:
        return []
    at = clock.now()
    return [
        as_actor(membership, at=at, request_id=request_id_of(request))
        for membership in Membership.objects.standing_at(at).filter(person=person).select_related("clinic")
        if membership.active_on(at.astimezone(membership.clinic.zone_info).date())
    ]


def seats_that_may(request: HttpRequest, permission: Permission) -> list[Actor]:
    """The reader's seats in which they may do that to what is no patient's."""
    return [
        actor
        for actor in seats(request)
        if allows(actor, permission, HouseSubject(clinic_id=actor.clinic_id))
    ]


def seat_in(request: HttpRequest, clinic_id: int) -> Actor:
    """The reader as the actor of an operation in that clinic. The operation asks what they may."""
    found = next((actor for actor in seats(request) if actor.clinic_id == clinic_id), None)
    if found is None:
        raise PermissionDenied
    return found


def why_changed() -> forms.CharField:
    """Required in every form that changes how the clinic runs; kept beside the event."""
    return forms.CharField(
        label=_("Why"), max_length=500, help_text=_("In a few words; it stays on the record.")
    )


def keep_choice(field: forms.Field | None, kept: str) -> None:
    """What was typed before there was a list stays among the choices, until another is chosen."""
    if not isinstance(field, forms.ChoiceField) or not kept:
        return
    known: Any = field.choices
    if kept not in dict(known):
        field.choices = [*known, (kept, kept)]


class OperationForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's takes no type argument at run time
    """A form whose last check is the operation itself: what that refuses stands beside the field, and nothing
    has changed then."""

    reason = why_changed()
    act: ClassVar[Callable[[Given], Model]]

    def _post_clean(self) -> None:
        # In place of Django's, which would fill the row and judge it: that is the operation's to do.
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = type(self).act(self.cleaned_data)
        except Refusal as refusal:
            for name, words in refusal.fields.items():
                self.add_error(name if name in self.fields else None, words)
            if not refusal.fields:
                self.add_error(None, f"{refusal.message} {refusal.advice}".strip())


class ReasonedAction(ActionForm):
    reason = forms.CharField(label=_("Why"), required=False, max_length=500)


CODED = frozenset(
    {
        *("act", "actor_kind", "applies_to", "cause", "channel", "foreseen", "kind", "meaning", "mode"),
        *("purpose", "recipient", "result", "shape", "state", "status", "step", "subject_type", "team_role"),
        *("unit", "verb"),
    }
)
"""Columns that keep a code of ours, which is read as words: `course_put_on_hold` is "course put on hold"."""


def in_words(code: object) -> str:
    return str("" if code is None else code).replace("_", " ")


@cache
def _column(model: Any, name: str) -> Callable[[Any], str]:
    """That column of a model as it is shown."""
    field: Any = model._meta.get_field(name)

    @admin.display(description=field.verbose_name, ordering=name)
    def column(row: Any) -> str:
        said = getattr(row, f"get_{name}_display", None)
        return in_words(said() if said else getattr(row, name))

    column.__name__ = name  # its heading and its place in the page go by it
    return column


class _Values(admin.AllValuesFieldListFilter):
    def choices(self, changelist: Any) -> Iterator[Any]:
        for one in super().choices(changelist):
            yield {**one, "display": in_words(one["display"])}


class _Choices(admin.ChoicesFieldListFilter):
    def choices(self, changelist: Any) -> Iterator[Any]:
        for one in super().choices(changelist):
            yield {**one, "display": in_words(one["display"])}


class HouseAdmin(_Admin):
    """Rows of the clinics in which the reader has the permission. Nobody deletes; adding, changing and ending
    are the operation's, and open only where its permission is given."""

    sees: ClassVar[Permission] = Permission.MANAGE_CLINIC
    adds: ClassVar[Permission | None] = None
    changes: ClassVar[Permission | None] = None
    ends: ClassVar[Permission | None] = None  # by an action over the rows chosen
    clinic_path: ClassVar[str] = "clinic_id"
    add_form: ClassVar[type[OperationForm] | None] = None  # None: the same as for changing
    fixed: ClassVar[tuple[str, ...]] = ("clinic",)  # asked when adding, never changed
    action_form = ReasonedAction
    show_full_result_count = False

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        """The one operation; `row` is None when adding."""
        raise NotImplementedError

    # -- who

    def _in(self, request: HttpRequest, permission: Permission | None) -> set[int]:
        if permission is None:
            return set()
        return {actor.clinic_id for actor in seats_that_may(request, permission)}

    def _may(self, request: HttpRequest, permission: Permission | None, obj: Model | None) -> bool:
        mine = self._in(request, permission)
        return bool(mine) if obj is None else self._clinic_of(obj) in mine

    def _clinic_of(self, obj: Any) -> int:
        return int(obj.clinic_id)

    def _seat(self, request: HttpRequest, obj: Any) -> Actor:
        return seat_in(request, self._clinic_of(obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request)
        return rows.filter(**{f"{self.clinic_path}__in": self._in(request, self.sees)})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.sees, None)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.sees, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self._may(request, self.adds, None)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.changes, obj)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.ends, None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # -- in words

    def _shown(self, name: Any) -> Any:
        model: Any = self.model
        return _column(model, name) if name in CODED and name in self._columns() else name

    def _columns(self) -> set[str]:
        return {field.name for field in self.opts.fields}

    def get_list_display(self, request: HttpRequest) -> Any:
        return [self._shown(name) for name in super().get_list_display(request)]

    def get_list_filter(self, request: HttpRequest) -> Any:
        by_name: dict[str, Any] = {field.name: field for field in self.opts.fields}
        names: Any = super().get_list_filter(request)
        return [
            (name, _Choices if by_name[name].choices else _Values) if name in CODED else name
            for name in names
        ]

    # -- what is asked

    def _asks(self, request: HttpRequest, obj: Model | None) -> type[OperationForm] | None:
        """None where the reader only reads."""
        form = self.form
        if obj is None:
            form = self.add_form or form
        elif not self.has_change_permission(request, obj):
            return None
        return form if issubclass(form, OperationForm) else None

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        asks = self._asks(request, obj)
        kwargs["form"] = asks or forms.ModelForm
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        if asks is not None:
            form.act = staticmethod(lambda given: self._act(request, obj, given))
        return form

    def _act(self, request: HttpRequest, obj: Any, given: Given) -> Model:
        actor = seat_in(request, given["clinic"].pk) if obj is None else self._seat(request, obj)
        asked = {name: value for name, value in given.items() if name not in ("clinic", "reason")}
        return self.do(actor=actor, row=obj, given=asked, reason=given["reason"])

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        asks = self._asks(request, obj)
        if asks is not None:
            return list(asks.base_fields)
        hidden = {"id", "public_id", *(self.exclude or ())}
        names = self.fields or [field.name for field in self.opts.fields if field.name not in hidden]
        return [self._shown(name) for name in names]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        shown = tuple(self.readonly_fields)
        if self._asks(request, obj) is None:
            return (*shown, *(column for column in self.get_fields(request, obj) if callable(column)))
        if obj is None:
            return shown
        return (*shown, *(name for name in self.fixed if name in self.get_fields(request, obj)))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        mine = self._in(request, self.adds or self.changes)
        if db_field.name == "clinic":
            kwargs["queryset"] = Clinic.objects.filter(pk__in=mine)
            if len(mine) == 1:
                kwargs["initial"] = next(iter(mine))
        elif db_field.related_model is Person and db_field.name not in self.get_autocomplete_fields(request):
            kwargs["queryset"] = people_in(mine)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the operation has written it."""

    # -- ending rows

    def end_each(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        end: Callable[[Actor, Any, str], object],
        *,
        said: Any,
    ) -> None:
        """One operation for each row chosen, with the one reason given; `said` of each that it ended."""
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, _("Say why, beside the action."), level=messages.ERROR)
            return
        for row in rows:
            try:
                with transaction.atomic():
                    end(self._seat(request, row), row, reason)
            except Refusal as refusal:
                words = f"{row}: {refusal.message} {refusal.advice}".strip()
                self.message_user(request, words, level=messages.ERROR)
            else:
                self.message_user(request, said % row)


class ReadOnlyAdmin(HouseAdmin):
    """To read only; in the clinics in which the reader is administrator, unless it says otherwise."""


def people_in(clinics: Iterable[int]) -> QuerySet[Person]:
    found = Person.objects.filter(memberships__clinic__in=clinics, is_active=True)
    return found.distinct().order_by("printed_name")
