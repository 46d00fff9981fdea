"""What answers come to: scales, findings, bands, worrying answers, and what changed between two times.

Knows how to add up. Knows no patient, and concludes nothing beyond what the instrument's own data says. What
missing answers leave open is said to be open: a missing answer is never taken for a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from types import MappingProxyType

from clinic.errors import BadInput
from protocols.rules.instruments.definition import (
    TOTAL,
    Act,
    AnswerIs,
    Better,
    Change,
    ChangeKind,
    CountIs,
    Criterion,
    Finding,
    FindingIs,
    Instrument,
    Item,
    Method,
    Number,
    Scale,
    ScaleIs,
    Worry,
)

Answers = Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the answers come to.

    A scale is None when too much is missing or when it does not apply. `findings` are those that hold
    whatever the missing answers would have been; `undecided` are the findings and bands that these leave
    open. `band` is the level that holds for certain (a worse one may be undecided). `missing` are the asked
    and unanswered items.
    """

    instrument: str
    version: str
    scales: Mapping[str, Number | None]
    findings: tuple[str, ...]
    undecided: tuple[str, ...]
    band: str | None
    worries: tuple[Worry, ...]
    missing: tuple[str, ...]

    @property
    def total(self) -> int | None:
        total = self.scales.get(TOTAL)
        return None if total is None else int(total)

    @property
    def worrying(self) -> tuple[str, ...]:
        """The items whose answers somebody must act on now."""
        return tuple(worry.item for worry in self.worries if worry.act is not Act.CHART_FLAG)

    @property
    def flags(self) -> tuple[str, ...]:
        """The items whose answers belong on the chart for good."""
        return tuple(worry.item for worry in self.worries if worry.act is Act.CHART_FLAG)

    @property
    def act(self) -> Act | None:
        """The most urgent thing that the answers ask for."""
        asked_for = {worry.act for worry in self.worries}
        return next((act for act in Act if act in asked_for), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeen:
    change: Change
    improved: bool  # otherwise it got worse
    difference: Number  # later minus earlier, in points of the scale


# --- what is asked ------------------------------------------------------------------------------------------


class _Reading:
    """The answers as they stand, and for each item whether it is asked: yes, no, or not yet known (None)."""

    def __init__(self, instrument: Instrument, answers: Answers) -> None:
        self.given = {code: value for code, value in answers.items() if value is not None}
        self.is_asked: dict[str, bool | None] = {}
        self.if_skipped = {item.code: item.if_skipped for item in instrument.items}
        for item in instrument.items:
            self.is_asked[item.code] = _all(self._holds(one) for one in item.asked_if)

    def value(self, code: str) -> int | None:
        """The answer; of a skipped item what it counts as. None: unanswered, or skipped and without value.

        An answer to an item that would have been skipped counts all the same: a yes is never dropped for a
        branch.
        """
        value = self.given.get(code)
        if value is None and self.is_asked[code] is False:
            return self.if_skipped[code]
        return value

    def is_open(self, code: str) -> bool:
        """Whether it has no answer and might yet have one."""
        return code not in self.given and self.is_asked[code] is not False

    def _holds(self, criterion: AnswerIs | CountIs) -> bool | None:
        if isinstance(criterion, AnswerIs):
            if self.is_open(criterion.item):
                return None
            value = self.value(criterion.item)
            return value is not None and _within(value, criterion.at_least, criterion.at_most)
        sure = sum(
            value is not None and value >= criterion.but.get(code, criterion.answered)
            for code, value in ((code, self.value(code)) for code in criterion.items)
        )
        still_open = sum(self.is_open(code) for code in criterion.items)
        verdicts = {
            _within(sure + more, criterion.at_least, criterion.at_most) for more in range(still_open + 1)
        }
        return verdicts.pop() if len(verdicts) == 1 else None

    def holds(
        self, criterion: Criterion, scales: Mapping[str, Number | None], findings: Mapping[str, bool | None]
    ) -> bool | None:
        if isinstance(criterion, ScaleIs):
            value = scales[criterion.scale]
            return None if value is None else _within(value, criterion.at_least, criterion.at_most)
        if isinstance(criterion, FindingIs):
            found = findings[criterion.finding]
            return None if found is None else found is criterion.holds
        return self._holds(criterion)


def _within(value: Number, at_least: Number | None, at_most: Number | None) -> bool:
    return (at_least is None or value >= at_least) and (at_most is None or value <= at_most)


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    seen = set(verdicts)
    return False if False in seen else None if None in seen else True


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    seen = set(verdicts)
    return True if True in seen else None if None in seen else False


def asked(instrument: Instrument, answers: Answers) -> tuple[Item, ...]:
    """The items that are asked, given the answers so far. One that hangs on an open answer is not asked
    yet."""
    reading = _Reading(instrument, answers)
    return tuple(item for item in instrument.items if reading.is_asked[item.code])


def next_item(instrument: Instrument, answers: Answers) -> Item | None:
    """The first item that is asked and unanswered; None when nothing is left to ask."""
    return next((item for item in asked(instrument, answers) if answers.get(item.code) is None), None)


# --- scoring ------------------------------------------------------------------------------------------------


def score(instrument: Instrument, answers: Answers) -> Score:
    """Add up the answers, in whatever order they come. Raises BadInput naming every item the instrument has
    not and every answer it does not offer."""
    _check_answers(instrument, answers)
    reading = _Reading(instrument, answers)
    scales = {scale.code: _scale_value(instrument, scale, reading) for scale in instrument.scales}
    findings: dict[str, bool | None] = {}

    def judge(finding: Finding) -> bool | None:
        if finding.when is not None:
            return reading.holds(finding.when, scales, findings)
        verdict = _any if finding.any_of else _all
        return verdict(reading.holds(one, scales, findings) for one in finding.any_of or finding.all_of)

    for finding in instrument.findings:
        findings[finding.code] = judge(finding)
    open_bands: list[str] = []
    level: str | None = None
    for band in instrument.bands:
        verdict = judge(band)
        if verdict:
            level = band.code
            break
        if verdict is None:
            open_bands.append(band.code)
    return Score(
        instrument=instrument.code,
        version=instrument.version,
        scales=MappingProxyType(scales),
        findings=tuple(code for code, found in findings.items() if found),
        undecided=(*(code for code, found in findings.items() if found is None), *open_bands),
        band=level,
        worries=tuple(worry for worry in instrument.worries if reading.given.get(worry.item) in worry.values),
        missing=tuple(
            item.code
            for item in instrument.items
            if reading.is_asked[item.code] and item.code not in reading.given and not item.optional
        ),
    )


def _check_answers(instrument: Instrument, answers: Answers) -> None:
    items = {item.code: item for item in instrument.items}
    wrong: dict[str, list[str]] = {}
    for code, value in answers.items():
        item = items.get(code)
        if item is None:
            wrong[code] = [f"{instrument.code} has no item of that name."]
        elif value is not None and (isinstance(value, bool) or not item.allows(value)):
            wrong[code] = [f"Answer with one of: {_offered(item)}."]
    if wrong:
        raise BadInput("Some answers do not fit the questionnaire.", code="answers", fields=wrong)


def _offered(item: Item) -> str:
    values = sorted(option.value for option in item.options)
    if len(values) > 8 and values == list(range(values[0], values[-1] + 1)):
        return f"{values[0]} to {values[-1]}"
    return ", ".join(map(str, values))


def _scale_value(instrument: Instrument, scale: Scale, reading: _Reading) -> Number | None:
    values = [value for code in scale.items if (value := reading.value(code)) is not None]
    still_open = sum(reading.is_open(code) for code in scale.items)
    skipped = len(scale.items) - len(values) - still_open
    may_miss = instrument.may_miss.value if instrument.may_miss else 0
    if not values or still_open > may_miss or (skipped and scale.method is not Method.MEAN):
        return None
    mean = Fraction(sum(values), len(values))  # a missing answer stands for the mean of the others
    if scale.method is Method.MEAN:
        return _rounded(mean, places=2)
    total = mean * len(scale.items)
    if scale.method is Method.SUM:
        return _rounded(total, places=0)
    return _rounded(total * 100 / most_of(instrument, scale.items), places=2)


def most_of(instrument: Instrument, items: Sequence[str]) -> int:
    """The highest sum that those items can come to."""
    return sum(item.highest for item in instrument.items if item.code in items)


def least_of(instrument: Instrument, items: Sequence[str]) -> int:
    return sum(item.lowest for item in instrument.items if item.code in items)


def _rounded(value: Fraction, *, places: int) -> Number:
    number = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(
        Decimal(1).scaleb(-places), ROUND_HALF_UP
    )
    return int(number) if number == number.to_integral_value() else number


# --- change -------------------------------------------------------------------------------------------------


def changes_between(instrument: Instrument, before: Score, after: Score) -> tuple[ChangeSeen, ...]:
    """Which of the instrument's change thresholds lie between two of its scores.

    None is seen where a scale is missing on either side, nor in percent of a zero. Raises BadInput when a
    score is of another instrument or of another version, whose points may not mean the same.
    """
    for given in (before, after):
        if (given.instrument, given.version) != (instrument.code, instrument.version):
            raise BadInput(
                f"These answers are to {given.instrument} {given.version}, "
                f"not to {instrument.code} {instrument.version}."
            )
    seen = (_change_seen(instrument, change, before, after) for change in instrument.changes)
    return tuple(one for one in seen if one is not None)


def _change_seen(instrument: Instrument, change: Change, before: Score, after: Score) -> ChangeSeen | None:
    earlier, later = before.scales[change.scale], after.scales[change.scale]
    if earlier is None or later is None or earlier == later:
        return None
    difference = Decimal(later) - Decimal(earlier)
    improved = (difference > 0) is (instrument.better is Better.HIGHER)
    if change.kind is ChangeKind.RESPONSE and not improved:
        return None
    if change.points is not None and abs(difference) < change.points.value:
        return None
    if change.percent is not None and (
        earlier == 0 or abs(difference) * 100 < change.percent.value * abs(Decimal(earlier))
    ):
        return None
    if change.ends_in and (change.ends_in in before.findings or change.ends_in not in after.findings):
        return None
    whole = difference == difference.to_integral_value()
    return ChangeSeen(change=change, improved=improved, difference=int(difference) if whole else difference)
