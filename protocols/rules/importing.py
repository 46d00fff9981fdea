"""A CDISC USDM v4 study's schedule as the draft of a protocol, with a list of what it could not carry.

Knows epochs, encounters, activities and timings. Guesses nothing: what the study does not say stands in the
draft as the clinic's own choice to be made, and what the language would say differently is listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

MAX_BYTES: Final = 20_000_000  # a study with all its documents; more is not read
_KINDS: Final = {
    "C48262": "screening",
    "C98779": "preparation",
    "C101526": "dosing",
    "C202578": "follow_up",
    "C202577": "follow_up",
}
_DURATION: Final = re.compile(r"P(?:(?P<wk>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<min>\d+)M)?)?")
_PER_MINUTE: Final = {"wk": 10080, "d": 1440, "h": 60, "min": 1}
_NOT_CARRIED: Final = (
    ("eligibilityCriteria", "Eligibility criteria: write each as a rule of type result"),
    ("estimands", "Estimands: write what counts as response under outcomes"),
    ("objectives", "Objectives and endpoints have no place in a clinic's protocol"),
    ("biospecimenRetentions", "Biospecimens have no place in a clinic's protocol"),
    ("analysisPopulations", "Analysis populations have no place in a clinic's protocol"),
    ("studyInterventionIds", "Interventions: write doses, choices and ceilings as a rule of type dose"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDraft:
    """`document` parses; `not_carried` says in sentences what a person must still write."""

    document: str
    not_carried: tuple[str, ...]


class NotAStudy(ValueError):
    """This is not a USDM v4 study with one design and a main timeline."""


def draft_from_json(content: bytes) -> ImportedDraft:
    """The draft from a study's file as it came. Raises NotAStudy, also for what is too long or no JSON."""
    if len(content) > MAX_BYTES:
        raise NotAStudy(f"This is more than {MAX_BYTES // 1_000_000} MB. Export the schedule alone.")
    try:
        wrapper = json.loads(content)
    except (ValueError, RecursionError):
        raise NotAStudy("This is not JSON. Export the study as USDM v4 JSON.") from None
    return draft_from_usdm(wrapper)


def draft_from_usdm(wrapper: Any) -> ImportedDraft:
    """The draft that the study's main timeline gives. Raises NotAStudy when there is none to read."""
    if not isinstance(wrapper, Mapping):
        raise NotAStudy("This is not a USDM study: it has no fields.")
    study = _field(wrapper, "study", dict)
    version = _only(_field(study, "versions", list), "version")
    design = _only(_field(version, "studyDesigns", list), "study design")
    timelines = _field(design, "scheduleTimelines", list)
    main = next((row for row in _dicts(timelines) if row.get("mainTimeline")), None)
    if main is None:
        raise NotAStudy("The study has no main timeline.")
    reader = _Reader(design=design, timeline=main)
    rules = list(reader.rules())
    if not rules:
        raise NotAStudy("The main timeline holds no visit.")
    name = str(study.get("name") or "study")
    label = _words(study)
    document = {
        "format": "1",
        "code": _code(name),
        "version": _version(version),
        "title": label,
        "indication": _words({"label": study.get("description") or label}),
        "investigational": True,
        "jurisdiction": "none",
        "citations": {"study": f"{label}, schedule of activities in CDISC USDM"},
        "stages": [
            {"code": code, "kind": kind, "words": words} for code, kind, words in reader.stages.values()
        ],
        "rules": rules,
    }
    missing = list(reader.not_carried)
    missing += [words for name, words in _NOT_CARRIED if design.get(name)]
    if len(_list(design.get("arms"))) > 1:
        missing.append("Arms: the visits are written for everyone; say with `when` who has which")
    if len(timelines) > 1:
        missing.append("Further timelines: only the main one was read")
    missing.append("Cycles: visits that repeat are written one by one; join them into one rule if they do")
    return ImportedDraft(
        document=yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120),
        not_carried=tuple(dict.fromkeys(missing)),
    )


class _Reader:
    def __init__(self, *, design: Mapping[str, Any], timeline: Mapping[str, Any]) -> None:
        self.not_carried: list[str] = []
        self.activities = _by_id(design.get("activities"))
        self.encounters = _by_id(design.get("encounters"))
        self.epochs = _by_id(design.get("epochs"))
        rows = list(_by_id(timeline.get("instances")).values())
        self.instances = [row for row in rows if row.get("instanceType") == "ScheduledActivityInstance"]
        if len(rows) > len(self.instances):
            self.not_carried.append("Decisions in the timeline: write each as a rule of type decision")
        self.timings = {
            _text(row, "relativeFromScheduledInstanceId"): row
            for row in _by_id(timeline.get("timings")).values()
        }
        self.stages: dict[str, tuple[str, str, str]] = {}
        for key, row in self.epochs.items():
            code = _unused(_code(str(row.get("name") or key)), {stage[0] for stage in self.stages.values()})
            self.stages[key] = (code, self._kind(row), _words(row))
        if not self.stages:
            self.stages[""] = ("visits", "follow_up", "Visits")
        visits = [row for row in self.instances if _text(row, "encounterId") in self.encounters]
        self.codes: dict[str, str] = {}
        for row in visits:
            encounter = self.encounters[_text(row, "encounterId")]
            code = _code(str(encounter.get("name") or row["id"]))
            self.codes[row["id"]] = _unused(code, set(self.codes.values()))

    def rules(self) -> Iterator[dict[str, Any]]:
        for row in self.instances:
            if row["id"] in self.codes:
                yield self._session(row)
            elif row.get("activityIds"):
                names = [_words(activity) for activity in self._done(row)]
                self.not_carried.append(
                    f"“{_words(row)}” ({', '.join(names)}) belongs to no visit: "
                    "write it as a rule of type assessment, form or decision"
                )

    def _session(self, row: Mapping[str, Any]) -> dict[str, Any]:
        encounter = self.encounters[_text(row, "encounterId")]
        stage, kind, _ = self.stages.get(_text(row, "epochId"), next(iter(self.stages.values())))
        activities = self._done(row)
        gives = any(
            procedure.get("studyInterventionId")
            for activity in activities
            for procedure in _dicts(activity.get("definedProcedures"))
        )
        return {
            "type": "session",
            "code": self.codes[row["id"]],
            "stage": stage,
            "words": _words(encounter),
            "who": "therapist",
            "source": "study",
            "kind": "dosing" if gives else "follow_up" if kind == "dosing" else kind,
            "count": {"value": 1, "source": "study"},
            "minutes": {"value": "60 min", "clinic_choice": "the study's schedule does not say how long"},
            "windows": [self._window(row)],
            "checklist": [
                {"code": _code(str(activity.get("name") or "activity")), "words": _words(activity)}
                | {"source": "study"}
                for activity in {_code(str(row.get("name"))): row for row in activities}.values()
            ],
        }

    def _done(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        keys = (key for key in _list(row.get("activityIds")) if isinstance(key, str))
        return [self.activities[key] for key in keys if key in self.activities]

    def _window(self, row: Mapping[str, Any]) -> dict[str, Any]:
        timing = self.timings.get(row["id"])
        anchor: Any = "enrolment"
        if timing is None or timing.get("relativeToScheduledInstanceId") is None:
            self.not_carried.append(
                f"“{row.get('label')}” has no time of its own: it is written from enrolment"
            )
            return {"anchor": anchor}
        to = self.codes.get(_text(timing, "relativeToScheduledInstanceId"))
        if to is not None:
            ends = _decode(timing, "relativeToFrom").startswith("End")
            anchor = {"event": "end" if ends else "start", "rule": to}
        target = _minutes(timing.get("value"))
        window: dict[str, Any] = {"anchor": anchor}
        if target is None:
            self.not_carried.append(
                f"“{row.get('label')}”: the time {timing.get('value')!r} could not be read"
            )
            return window
        if _decode(timing, "type") == "Before":
            target = -target
        lower, upper = _minutes(timing.get("windowLower")), _minutes(timing.get("windowUpper"))
        bounds = {
            "opens": None if lower is None else target - lower,
            "target": target,
            "closes": None if upper is None else target + upper,
        }
        for name, value in bounds.items():
            if value is not None:
                window[name] = {"value": _offset(value), "source": "study"}
        return window

    def _kind(self, epoch: Mapping[str, Any]) -> str:
        code = epoch.get("type")
        kind = _KINDS.get(str(code.get("code"))) if isinstance(code, dict) else None
        if kind is None:
            self.not_carried.append(f"The epoch “{_words(epoch)}” is written as follow-up: choose its kind")
        return kind or "follow_up"


def _unused(code: str, known: set[str]) -> str:
    candidate, number = code, 2
    while candidate in known:
        candidate, number = f"{code}_{number}", number + 1
    return candidate


def _field(row: Mapping[str, Any], name: str, kind: type) -> Any:
    value = row.get(name)
    if not isinstance(value, kind):
        raise NotAStudy(f"The study has no “{name}”.")
    return value


def _only(rows: list[Any], what: str) -> dict[str, Any]:
    if not rows or not isinstance(rows[0], dict):
        raise NotAStudy(f"The study has no {what}.")
    if len(rows) > 1:
        raise NotAStudy(f"The study has more than one {what}: export the one you mean.")
    return rows[0]


def _list(rows: Any) -> list[Any]:
    return rows if isinstance(rows, list) else []


def _dicts(rows: Any) -> list[dict[str, Any]]:
    return [row for row in _list(rows) if isinstance(row, dict)]


def _by_id(rows: Any) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in _dicts(rows) if isinstance(row.get("id"), str)}


def _decode(row: Mapping[str, Any], name: str) -> str:
    code = row.get(name)
    return str(code.get("decode")) if isinstance(code, dict) else ""


def _text(row: Mapping[str, Any], name: str) -> str:
    """The field if it is text, else nothing: a broken study may hold a list where an id belongs."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _version(row: Mapping[str, Any]) -> str:
    """The study's own version as a word that the reader takes: letters and digits at both ends."""
    word = re.sub(r"[^0-9A-Za-z._-]", "-", _text(row, "versionIdentifier"))
    return word[:30].strip("-._") or "1"


def _words(row: Mapping[str, Any]) -> str:
    words = str(row.get("label") or row.get("name") or row.get("id"))
    return " ".join(re.sub(r"[^ -~\u00a0-\ud7ff]", " ", words).split())[:200] or "Visit"


def _code(name: str) -> str:
    """A code of the language from any name: small letters, digits and underscores, first a letter."""
    code = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60]
    return code if code[:1].isalpha() else f"n_{code}".rstrip("_")


def _minutes(duration: Any) -> int | None:
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None or not any(match.groups()):
        return None
    return sum(int(amount) * _PER_MINUTE[unit] for unit, amount in match.groupdict().items() if amount)


def _offset(minutes: int) -> str:
    for unit in ("d", "h"):
        if minutes % _PER_MINUTE[unit] == 0:
            return f"{minutes // _PER_MINUTE[unit]} {unit}"
    return f"{minutes} min"
