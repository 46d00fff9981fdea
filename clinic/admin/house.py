"""The clinic itself and its rooms, by administrators; how records are co-signed, by supervisors too."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm, keep_choice
from clinic.admin.crisis_lines import CrisisLines, countries
from clinic.languages import NAMES
from clinic.models import Clinic, ReviewSettings, Room
from clinic.operations import people
from clinic.operations.clinics import REVIEW_SETTINGS, change_clinic, change_review_settings, known
from clinic.permissions import Permission


class OneClinicAdmin(HouseAdmin):
    """Whoever runs the installation makes clinics, by command."""

    clinic_path = "pk"

    def _clinic_of(self, obj: Any) -> int:
        return int(obj.pk)


class WordsByLanguage(forms.CharField):
    """A line for each language, as it is said: `de: werktags 9 bis 17 Uhr`."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{language}: {words}" for language, words in sorted(value.items()))
        return value

    def to_python(self, value: Any) -> Any:
        found: dict[str, str] = {}
        for line in (super().to_python(value) or "").splitlines():
            if not line.strip():
                continue
            language, colon, words = (part.strip() for part in line.partition(":"))
            if not colon or language not in NAMES or not words or language in found:
                raise forms.ValidationError(
                    _("“%(line)s”: begin each line with %(codes)s and a colon, one line for each language."),
                    params={"line": line.strip(), "codes": ", ".join(NAMES)},
                )
            found[language] = words
        return found


STEP_UP_WORDS = [
    ("code", _("A code, sent another way than the link")),
    ("word", _("A word that the patient chose")),
    ("birth_date", _("Their date of birth, which others may know")),
]


def _as_number(value: Any) -> int:
    return int(value)


class ClinicForm(OperationForm):
    language = forms.ChoiceField(
        choices=list(NAMES.items()),
        label=_("Language"),
        help_text=_(
            "The clinic’s own. Whoever is enrolled is written to in it unless they choose another, and the "
            "reading hours are in it."
        ),
    )
    country = forms.ChoiceField(
        choices=lambda: [("", "–"), *countries()],
        required=False,
        label=_("Country"),
        help_text=_(
            "Decides which crisis line a patient is shown; the deployment check wants one in each language "
            "the clinic writes in."
        ),
    )
    crisis_lines = CrisisLines(
        label=_("Crisis lines"),
        required=False,
        help_text=_(
            "A patient is shown those of the clinic’s country, in their language where there are any. To "
            "take a line away, empty its row. Save to get more empty rows."
        ),
    )
    open_days = forms.TypedMultipleChoiceField(
        choices=[(number, WEEKDAYS[number - 1]) for number in range(1, 8)],  # as ISO counts them
        coerce=_as_number,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=_("Days on which it is open"),
        help_text=_("None chosen: every day."),
    )
    step_up_ways = forms.MultipleChoiceField(
        choices=STEP_UP_WORDS,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=_("How patients show that it is them"),
        help_text=_("None chosen: a page with a name or a clinical word is not opened by a link."),
    )
    reading_hours_in = WordsByLanguage(
        label=_("Reading hours in other languages"),
        required=False,
        help_text=_(
            "A line for each language in which patients are written to, such as “es: de lunes a viernes, de "
            "9 a 17”."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("language", "country"):
            keep_choice(self.fields.get(name), getattr(self.instance, name))  # who only reads has no fields

    class Meta:
        model = Clinic
        # What is co-signed has a page of its own.
        exclude = ("is_demo", *sorted(REVIEW_SETTINGS))


# The settings by what they are about; one that stands in none of them comes last.
PARTS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        _("The clinic"),
        ("slug", "name", "legal_name", "address", "zone", "jurisdictions", "language", "country"),
    ),
    (
        _("Messages to patients"),
        (
            *("sender_name", "phone", "text_sender", "quiet_from", "quiet_until", "messages_a_day"),
            *("mail_from_days", "visit_reminder_days", "answer_by"),
        ),
    ),
    (_("Help at hand"), ("crisis_lines", "emergency_number", "reading_hours", "reading_hours_in")),
    (
        _("When nobody acts"),
        (
            *("cover_after_minutes", "supervisor_after_minutes", "on_call_after_minutes", "on_call_person"),
            *("open_from", "open_until", "open_days", "concern_person", "concern_hours"),
        ),
    ),
    (
        _("Patients’ own pages"),
        (
            *("step_up_ways", "step_up_tries", "offered_times", "offered_from", "offered_until"),
            *("offered_notice_hours", "shows_plan", "shows_scores"),
        ),
    ),
)


@admin.register(Clinic)
class ClinicAdmin(OneClinicAdmin):
    changes = Permission.MANAGE_CLINIC
    form = ClinicForm
    # Its slug stands in every address ever mailed; its zone decides every window of every course.
    fixed = ("slug", "zone")
    list_display = ("name", "slug", "zone", "phone")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = self.get_fields(request, obj)
        placed = {name for _title, part in PARTS for name in part}
        parts = [(title, [name for name in part if name in names]) for title, part in PARTS]
        parts.append((None, [name for name in names if name not in placed]))
        return [(title, {"fields": part}) for title, part in parts if part]

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        changed = {name: value for name, value in given.items() if getattr(row, name) != value}
        if not changed:
            return row  # type: ignore[no-any-return]  # the stubs leave the admin's row open
        return change_clinic(actor=actor, settings=changed, now=actor.at, reason=reason)


def _kinds() -> list[tuple[str, str]]:
    return [(one, one.replace("_", " ").capitalize()) for one in known("reviewed_kinds")]


class ReviewSettingsForm(OperationForm):
    reviewed_kinds = forms.MultipleChoiceField(
        choices=_kinds,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=_("Kinds of session that are co-signed"),
        help_text=_("None chosen: every kind."),
    )

    class Meta:
        model = ReviewSettings
        fields = ("review_within_days", "reviewed_kinds")


@admin.register(ReviewSettings)
class ReviewSettingsAdmin(OneClinicAdmin):
    sees = changes = Permission.CHANGE_REVIEW_SETTINGS
    form = ReviewSettingsForm
    fixed = ()
    list_display = ("name", "review_within_days", "reviewed_kinds")

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        change_review_settings(actor=actor, settings=given, now=actor.at, reason=reason)
        return row  # type: ignore[no-any-return]  # the stubs leave the admin's row open


class RoomForm(OperationForm):
    class Meta:
        model = Room
        fields = ("clinic", "name", "in_use")


class NewRoomForm(OperationForm):
    class Meta:
        model = Room
        fields = ("clinic", "name")


@admin.register(Room)
class RoomAdmin(HouseAdmin):
    adds = changes = Permission.MANAGE_CLINIC
    form = RoomForm
    add_form = NewRoomForm
    list_display = ("name", "clinic", "in_use")
    list_select_related = ("clinic",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        if row is None:
            return people.add_room(actor=actor, name=given["name"], now=actor.at, reason=reason)
        return people.change_room(actor=actor, room_id=row.pk, now=actor.at, reason=reason, **given)
