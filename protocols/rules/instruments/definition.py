"""What an instrument is, as frozen values: items, scales, findings, changes, worrying answers, licence.

Knows no answers and no YAML: `scoring.py` adds up, `document.py` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocols.rules.definition import Figure, Role, Source, Words

TOTAL: Final = "total"  # the scale of this code is the instrument's total

Number = int | Decimal
"""A score: whole, or with up to two places."""


class Mode(StrEnum):
    SELF_REPORT = "self_report"
    INTERVIEW = "interview"
    STAFF_RATED = "staff_rated"  # observed, or from the record, without asking


class Recall(StrEnum):
    """What time the answers are about. The same questions about another time are another instrument."""

    NOW = "now"
    PAST_DAY = "past_day"
    PAST_THREE_DAYS = "past_three_days"
    PAST_WEEK = "past_week"
    PAST_TWO_WEEKS = "past_two_weeks"
    PAST_MONTH = "past_month"
    PAST_THREE_MONTHS = "past_three_months"
    PAST_YEAR = "past_year"
    LIFETIME = "lifetime"
    SINCE_LAST_VISIT = "since_last_visit"
    DOSING_SESSION = "dosing_session"


class Better(StrEnum):
    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


class Method(StrEnum):
    """How a scale is made from its items. Items that were not asked: a mean leaves them out, a sum and a
    percentage cannot be given without them."""

    SUM = "sum"
    MEAN = "mean"
    PERCENT = "percent"  # of the highest sum there can be


class ChangeKind(StrEnum):
    RELIABLE = "reliable"  # more than the measure's own noise
    MEANINGFUL = "meaningful"  # enough for the patient or the clinician to notice
    RESPONSE = "response"  # what trials count as a response: only ever an improvement


class Act(StrEnum):
    """What a worrying answer asks of a person."""

    IMMEDIATE = "immediate"  # evaluate at once
    SAME_DAY = "same_day"
    CALL_BACK = "call_back"  # the patient wishes to be called; nothing said that they are in danger
    CHART_FLAG = "chart_flag"  # to be known at every visit; no task each time it is answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source in words. Exactly one of the days is given, as ``2016``, ``2016-04`` or ``2016-04-18``:
    when it was published, or, for a page without a date, when it was read."""

    text: str
    published: str = ""
    read: str = ""

    @property
    def date(self) -> str:
        return self.published or self.read


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Who holds the instrument and on what terms. `ships` is text, or structure: then the clinic loads the
    wording it is licensed for."""

    ships: str
    terms: str
    source: Source
    holder: str = ""


# --- criteria: what an answer, several answers, a score or a finding must be --------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerIs:
    """The item was answered within these bounds, both included."""

    item: str
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountIs:
    """So many of these items were answered with `answered` or more; `but` names items counted from another
    answer on."""

    items: tuple[str, ...]
    answered: int
    at_least: int | None = None
    at_most: int | None = None
    but: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleIs:
    """The scale lies within these bounds, both included."""

    scale: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingIs:
    """A finding that stands before this one holds, or does not."""

    finding: str
    holds: bool


Criterion = AnswerIs | CountIs | ScaleIs | FindingIs


# --- parts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer that may be chosen. `value` is also what it adds to a score."""

    value: int
    words: Words

    @property
    def worded(self) -> bool:
        """Whether it says more than its number."""
        return self.words["en"] != str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question. It is asked when all of `asked_if` hold, about items that stand before it.

    `if_skipped` is what it counts as when it was not asked; None: it has no value then. An `optional` item
    may stay unanswered. `recall` is set where it differs from the instrument's.
    """

    code: str
    words: Words
    options: tuple[Option, ...]
    asked_if: tuple[AnswerIs | CountIs, ...] = ()
    if_skipped: int | None = None
    optional: bool = False
    recall: Recall | None = None

    def allows(self, value: int) -> bool:
        return any(option.value == value for option in self.options)

    @property
    def highest(self) -> int:
        """0 for an item without answers: a document that has one is refused, but is read to its end first."""
        return max((option.value for option in self.options), default=0)

    @property
    def lowest(self) -> int:
        return min((option.value for option in self.options), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A score from some of the items, by a published key.

    `range` is the lowest and the highest it can come to.
    """

    code: str
    words: Words
    items: tuple[str, ...]
    range: tuple[Decimal, ...]
    source: Source
    method: Method = Method.SUM

    @property
    def lowest(self) -> Decimal:
        return self.range[0]

    @property
    def highest(self) -> Decimal:
        return self.range[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the answers show: if `when` holds, or all of `all_of`, or any of `any_of`. Exactly one of
    them is given."""

    code: str
    words: Words
    source: Source
    when: Criterion | None = None
    all_of: tuple[Criterion, ...] = ()
    any_of: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How much difference between two answers to the instrument means something: so many points of a scale,
    or so many percent of where it stood before; with `ends_in`, only if that finding holds afterwards and did
    not before."""

    code: str
    words: Words
    kind: ChangeKind
    scale: str
    points: Figure[Decimal] | None = None
    percent: Figure[Decimal] | None = None
    ends_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worry:
    """An answer a person must act on."""

    item: str
    values: tuple[int, ...]
    act: Act
    words: Words
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One version of a questionnaire or rating.

    `options` are the answers of the items that were written without their own; every item has its answers.
    `may_miss` is how many asked items of a scale may be unanswered, each then standing for the mean of the
    others: 0 unless a source says otherwise; None for an instrument without scales.
    `rater` is who answers: the patient (self-report), the therapist (any trained clinician) or the
    independent rater. `bands` are listed from the worst down: the first that holds is the level.
    `language` is the one its items read in, `text_licence` what the clinic says of the wording it loaded in
    it, and `text_id` which one that is; both are empty where the words are the product's, or there are none.
    """

    code: str
    version: str
    title: Words
    instructions: Words
    rater: Role
    mode: Mode
    recall: Recall
    better: Better
    licence: Licence
    items: tuple[Item, ...]
    may_miss: Figure[int] | None
    options: tuple[Option, ...]
    scales: tuple[Scale, ...]
    findings: tuple[Finding, ...]
    bands: tuple[Finding, ...]
    changes: tuple[Change, ...]
    worries: tuple[Worry, ...]
    citations: Mapping[str, Citation]
    language: str = "en"
    text_licence: str = ""
    text_id: str = ""

    @property
    def has_text(self) -> bool:
        """Whether the items carry their wording. Without it, only somebody with the form at hand can
        answer."""
        return self.licence.ships == "text" or bool(self.text_licence)

    def say(self, words: Words) -> str:
        """Words of it in the language that it reads in."""
        return words.get(self.language) or words["en"]

    @property
    def languages(self) -> frozenset[str]:
        """Those in which every one of its sentences is there."""
        return frozenset.intersection(*(frozenset(words) for words in self.sentences))

    @property
    def sentences(self) -> tuple[Words, ...]:
        """What whoever answers it reads. A number reads the same in every language."""
        return (
            self.instructions,
            *(
                words
                for item in self.items
                for words in (item.words, *(option.words for option in item.options if option.worded))
            ),
        )

    def item(self, code: str) -> Item | None:
        return next((item for item in self.items if item.code == code), None)

    def scale(self, code: str) -> Scale | None:
        return next((scale for scale in self.scales if scale.code == code), None)

    @property
    def most(self) -> int | None:
        """The highest total there can be; None for an instrument without a total."""
        total = self.scale(TOTAL)
        return int(total.highest) if total else None


# --- a clinic's wording -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWording:
    words: Words
    options: Mapping[int, Words] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words for one version of one instrument in one language, with what entitles the clinic to them
    (`licence`, never empty).

    `options` are the words of answers that all items share; an item's own come before them.
    """

    instrument: str
    version: str
    licence: str
    instructions: Words
    items: Mapping[str, ItemWording]
    options: Mapping[int, Words] = field(default_factory=lambda: MappingProxyType({}))
    title: Words | None = None
    language: str = "en"
