"""A second version of the MDMA protocol, as a clinic might write one: other windows, other words, one person
less, one assessment more, and the consent to treatment asked for anew."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from protocols.models import ProtocolVersion
from tests.support.cast import START, Cast, publish

_LIBRARY = Path(__file__).parents[2] / "protocols" / "library"

_NEW_ASSESSMENT = """
  - type: assessment
    code: cssrs.day_3
    stage: integration
    words: C-SSRS screener, three days after dosing
    who: therapist
    clinic_choice: asked for by the supervisors
    safety: true
    per: dosing
    instrument: cssrs_screener
    window:
      anchor: {event: start, rule: dosing}
      opens: {value: 2 d, clinic_choice: agreed}
      closes: {value: 4 d, clinic_choice: agreed}

reminders:
"""
_CHANGES = (
    ('version: "1.0"', 'version: "2.0"'),
    ("opens: {value: 5 d, clinic_choice: only", "opens: {value: 4 d, clinic_choice: only"),
    ("closes: {value: 10 d, clinic_choice: only", "closes: {value: 9 d, clinic_choice: only"),
    ("words: Integration session", "words: Integration meeting"),
    ("\nreminders:\n", _NEW_ASSESSMENT),
    ("before: {value: 1 d, clinic_choice: when to remind}", "before: {value: 2 d, clinic_choice: later}"),
)


def second_text(*, reconsent: bool = True, version: str = "2.0") -> str:
    text = (_LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8")
    for before, after in _CHANGES:
        assert before in text, before
        text = text.replace(before, after, 1)
    head, rest = text.split("  - type: contact\n", 1)
    start = head.rindex("staff: {value: 2")
    head = head[:start] + head[start:].replace("staff: {value: 2", "staff: {value: 1", 1)
    text = head + "  - type: contact\n" + rest
    if reconsent:
        text = text.replace("investigational: true\n", "investigational: true\nreconsent: [treatment]\n", 1)
    return text.replace('version: "2.0"', f'version: "{version}"', 1)


def publish_second(cast: Cast, *, now: datetime = START, reconsent: bool = True) -> ProtocolVersion:
    return publish(cast, second_text(reconsent=reconsent), now=now)
