"""A clinic: its name, its wall clock, and what it tells its patients about itself."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.ids import uuid7
from clinic.languages import NAMES
from clinic.rules.crisis_lines import faults
from clinic.rules.telephone import text_number


def valid_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(
            _("“%(zone)s” is not an IANA time zone, such as Europe/Lisbon."), params={"zone": value}
        )


def valid_jurisdictions(value: object) -> None:
    codes = value if isinstance(value, list) else [""]
    if any(not isinstance(code, str) or not code.strip() for code in codes) or len(set(codes)) != len(codes):
        raise ValidationError(_("Write each code once, such as EU, US or US-OR."))


def valid_crisis_lines(value: object) -> None:
    """A list of {name, number, hours} and, where there is more than one country or language, {country,
    language}; each a string. Shown on every page a patient sees."""
    fields, more = {"name", "number", "hours"}, {"country", "language"}
    lines = value if isinstance(value, list) else [None]
    if not all(
        isinstance(line, dict)
        and fields <= set(line) <= fields | more
        and all(isinstance(text, str) for text in line.values())
        for line in lines
    ):
        raise ValidationError(
            _("Crisis lines are a list of entries with: name, number, hours; and country, language.")
        )
    if wrong := [line["name"] or line["number"] for line in lines if faults(line)]:
        raise ValidationError(
            _(
                "Each crisis line has a name, a number that can be dialled, and of country and language "
                "their codes: %(wrong)s."
            ),
            params={"wrong": ", ".join(wrong)},
        )


def valid_words_by_language(value: object) -> None:
    """Language → words in it, of the languages in which patients read."""
    ok = isinstance(value, dict) and all(
        language in NAMES and isinstance(words, str) and 0 < len(words.strip()) <= 200
        for language, words in value.items()
    )
    if not ok:
        raise ValidationError(_("Write the words by language: en, es, de or fr, each up to 200 characters."))


def valid_days_ahead(value: object) -> None:
    days = value if isinstance(value, list) else [0]
    if any(day not in range(1, 61) for day in days) or len(set(days)) != len(days):
        raise ValidationError(_("Write each day once, from 1 to 60."))


def valid_country(value: str) -> None:
    if not (len(value) == 2 and value.isalpha() and value.isupper() and value.isascii()):
        raise ValidationError(_("Write the two capital letters of the country, e.g. US."))


def valid_weekdays(value: object) -> None:
    days = value if isinstance(value, list) else [0]
    if any(day not in range(1, 8) for day in days) or len(set(days)) != len(days):
        raise ValidationError(_("Write each day once, 1 for Monday to 7 for Sunday."))


def valid_text_number(value: str) -> None:
    if text_number(value) != value:
        raise ValidationError(_("Write the number with its country code and no spaces, e.g. +15550100."))


STEP_UP_WAYS = ("code", "word", "birth_date")


def default_step_up_ways() -> list[str]:
    """A date of birth is known to others: a clinic decides for itself whether it is enough."""
    return ["code", "word"]


def valid_step_up_ways(value: object) -> None:
    if not isinstance(value, list) or set(value) - set(STEP_UP_WAYS) or len(set(value)) != len(value):
        raise ValidationError(_("Write each way once: code, word, birth_date."))


class Clinic(models.Model):
    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid7, editable=False, unique=True)
    slug = models.SlugField(unique=True, help_text=gettext_lazy("Part of every address of this clinic."))
    name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200, blank=True)
    address = models.TextField(blank=True)
    zone = models.CharField(max_length=64, validators=[valid_zone], help_text=gettext_lazy("IANA time zone."))
    jurisdictions = ArrayField(
        models.CharField(max_length=80),
        default=list,
        blank=True,
        validators=[valid_jurisdictions],
        help_text=gettext_lazy(
            "Whose rules hold here, as protocols name them, separated by commas: US, US-OR. Where a protocol "
            "says how it differs there, that is what is published from now on."
        ),
    )
    language = models.CharField(max_length=10, default="en")
    country = models.CharField(
        max_length=2,
        blank=True,
        validators=[valid_country],
        verbose_name=gettext_lazy("Country"),
        help_text=gettext_lazy(
            "Two letters, such as US. Decides which crisis line a patient is shown; the deployment check "
            "wants one in each language the clinic writes in."
        ),
    )
    # Neutral on purpose: a clinic's own name can tell whoever sees the screen what kind of care somebody
    # gets.
    sender_name = models.CharField(
        max_length=60, help_text=gettext_lazy("Shown in messages; names no treatment.")
    )
    phone = models.CharField(max_length=40)
    text_sender = models.CharField(
        max_length=20,
        blank=True,
        validators=[valid_text_number],
        verbose_name=gettext_lazy("Number that texts come from"),
        help_text=gettext_lazy(
            "The clinic’s number at the provider, with its country code, e.g. +15550100. Empty: no texts."
        ),
    )
    crisis_lines = models.JSONField(default=list, blank=True, validators=[valid_crisis_lines])
    emergency_number = models.CharField(
        max_length=20,
        blank=True,
        verbose_name=gettext_lazy("Emergency number"),
        help_text=gettext_lazy(
            "Of the clinic’s country, such as 911 or 112. Stands on every page a patient sees, beside the "
            "crisis lines."
        ),
    )
    reading_hours = models.CharField(
        max_length=200,
        blank=True,
        help_text=gettext_lazy("When somebody reads what patients send, in words of the clinic’s language."),
    )
    reading_hours_in = models.JSONField(
        default=dict,
        blank=True,
        validators=[valid_words_by_language],
        verbose_name=gettext_lazy("Reading hours in other languages"),
        help_text=gettext_lazy(
            'By language, such as {"es": "de lunes a viernes, de 9 a 17"}: in each one in which patients are '
            "written to."
        ),
    )
    quiet_from = models.TimeField(default=time(20, 0))
    quiet_until = models.TimeField(default=time(9, 0))
    messages_a_day = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Most messages to a patient on one day"),
        help_text=gettext_lazy(
            "The clinic’s own choice. What is beyond it waits for the next day; what is about safety never "
            "waits."
        ),
    )
    mail_from_days = models.PositiveSmallIntegerField(
        default=7,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Days ahead from which visits are announced by mail"),
        help_text=gettext_lazy(
            "With the entry for the calendar; nearer to it a text is seen sooner. What a patient wants "
            "comes before it. Empty: no difference."
        ),
    )
    visit_reminder_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        validators=[valid_days_ahead],
        verbose_name=gettext_lazy("Days ahead on which visits are announced"),
        help_text=gettext_lazy(
            "For example: 7, 3, 1. They take the place of those of each protocol that announces its visits; "
            "the clinic’s own choice. Empty: as each protocol has it."
        ),
    )
    answer_by = models.TimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "A check-in not answered by this hour of the clinic’s day opens a task. Leave it empty to keep "
            "the hour that each protocol gives; an hour set here is the clinic’s own choice and replaces it."
        ),
    )
    small_number = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Small numbers"),
        help_text=gettext_lazy(
            "Below so many that came due, adherence is shown as two counts and no percentage. How to show "
            "things, not a clinical figure."
        ),
    )
    review_within_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Days to co-sign a record"),
        help_text=gettext_lazy(
            "A signed session waits for a supervisor’s co-signature, and is late after so many days: the "
            "clinic’s own choice. Leave it empty where none is wanted; a record can be sent for review "
            "all the same."
        ),
    )
    reviewed_kinds = ArrayField(
        models.TextField(),
        default=list,
        blank=True,
        verbose_name=gettext_lazy("Kinds of session that are co-signed"),
        help_text=gettext_lazy("For example: dosing, preparation. Leave it empty for every kind."),
    )
    cover_after_minutes = models.PositiveSmallIntegerField(
        default=15,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Minutes until the cover is told again"),
        help_text=gettext_lazy(
            "Of a safety task on which nobody has acted. The clinic’s own choice; empty: not told."
        ),
    )
    supervisor_after_minutes = models.PositiveSmallIntegerField(
        default=30,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Minutes until a supervisor is told"),
        help_text=gettext_lazy("Counted from the beginning too. The clinic’s own choice; empty: not told."),
    )
    on_call_after_minutes = models.PositiveSmallIntegerField(
        default=60,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Minutes until who is on call is told"),
        help_text=gettext_lazy(
            "While the clinic is closed they are told at once. The clinic’s own choice; empty: not told."
        ),
    )
    on_call_person = models.ForeignKey(
        "clinic.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("Who is on call"),
        help_text=gettext_lazy(
            "Somebody who may see every patient’s tasks, such as a supervisor. Others are passed over."
        ),
    )
    open_from = models.TimeField(null=True, blank=True, verbose_name=gettext_lazy("Open from"))
    open_until = models.TimeField(null=True, blank=True, verbose_name=gettext_lazy("Open until"))
    open_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        validators=[valid_weekdays],
        verbose_name=gettext_lazy("Days on which it is open"),
        help_text=gettext_lazy("1 for Monday to 7 for Sunday, separated by commas. Empty: every day."),
    )
    concern_person = models.ForeignKey(
        "clinic.Person",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("Who hears a patient’s concern"),
        help_text=gettext_lazy(
            "A patient may raise a concern about their care. It goes to this person, or, where they are in "
            "the patient’s own team, to somebody else outside it."
        ),
    )
    concern_hours = models.PositiveSmallIntegerField(
        default=72,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Hours to act on a concern"),
        help_text=gettext_lazy("The clinic’s own choice. After that a second person is told too."),
    )
    step_up_ways = ArrayField(
        models.CharField(max_length=20),
        default=default_step_up_ways,
        blank=True,
        validators=[valid_step_up_ways],
        verbose_name=gettext_lazy("How patients show that it is them"),
        help_text=gettext_lazy(
            "Before a page with a name or a clinical word: code (sent another way than the link), word (that "
            "the patient chose), birth_date (others may know it). Empty: such pages are not opened by a link."
        ),
    )
    step_up_tries = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1)],
        verbose_name=gettext_lazy("Tries to show it"),
        help_text=gettext_lazy(
            "After so many wrong ones a link opens such a page no more, and a coordinator calls the patient. "
            "The clinic’s own choice."
        ),
    )
    offered_times = models.PositiveSmallIntegerField(
        default=6,
        verbose_name=gettext_lazy("Times offered for another visit"),
        help_text=gettext_lazy(
            "How many free times a patient may choose from when an integration session does not suit. 0: "
            "somebody calls them. Dosing days are always moved by telephone. The clinic’s own choice, as are "
            "the hours below."
        ),
    )
    offered_from = models.TimeField(default=time(9, 0), verbose_name=gettext_lazy("Offered from"))
    offered_until = models.TimeField(default=time(17, 0), verbose_name=gettext_lazy("Offered until"))
    offered_notice_hours = models.PositiveSmallIntegerField(
        default=24,
        verbose_name=gettext_lazy("Hours of notice"),
        help_text=gettext_lazy("Nearer than that, a visit is moved by telephone only."),
    )
    shows_plan = models.BooleanField(
        default=False,
        verbose_name=gettext_lazy("Patients see their plan"),
        help_text=gettext_lazy(
            "By their link, once they have shown that it is them: days and hours in neutral words, no kind "
            "of visit."
        ),
    )
    shows_scores = models.BooleanField(
        default=False,
        verbose_name=gettext_lazy("Patients see their own scores"),
        help_text=gettext_lazy(
            "Beneath their plan: the totals over time and no more. No answer that somebody must act on, no "
            "dose day, nothing of another patient or of a trial; raters’ and blinded scores only once the "
            "course is over. Off: scores are for staff only."
        ),
    )
    is_demo = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.shows_scores and not self.shows_plan:
            raise ValidationError(
                {"shows_scores": _("They stand beneath the plan: let patients see that too, or neither.")}
            )

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class ReviewSettings(Clinic):
    """The same row, for who may set how records are co-signed and nothing else of the clinic."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = gettext_lazy("review settings")
