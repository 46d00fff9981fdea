"""The largest documents that can be read: laid out, drawn, told and walked in a moment, like the smallest."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from protocols.rules.document import parse
from protocols.rules.lint import lint
from protocols.web import showing, timeline
from sessions.rules.facts import History, Setting
from sessions.rules.previewing import Effects, effects
from sessions.rules.transfer import transfer
from sessions.rules.walking import walk

GUIDE = (Path(__file__).parents[2] / "docs" / "protocol-language.md").read_text(encoding="utf-8")
SMALLEST = re.findall(r"^```yaml protocol\n(.*?)^```", GUIDE, re.M | re.S)[0]
FIRST = "      - anchor: enrolment\n"


def call(number: int, *, count: int, per: str = "", which: str = "") -> str:
    trial = "source: trial"
    return (
        f"  - {{type: contact, code: call{number}, stage: dosing, words: Call, who: therapist, {trial},{per}"
        f" count: {{value: {count}, {trial}}}, every: {{value: 1 d, {trial}}},"
        f" window: {{anchor: {{event: start, rule: dosing{which}}}, closes: {{value: 1 d, {trial}}}}}}}\n"
    )


MANY_RULES = SMALLEST + "".join(call(number, count=5, which=", which: first") for number in range(620))
MANY_CYCLES = SMALLEST.replace("count: {value: 1, source", "count: {value: 60, source").replace(
    FIRST, FIRST.replace("enrolment", "{event: start, rule: dosing, which: previous}")
) + "".join(call(number, count=1, per=" per: dosing,") for number in range(80))


@pytest.mark.parametrize("document", [MANY_RULES, MANY_CYCLES], ids=["620 rules", "60 cycles of 80 calls"])
def test_no_document_that_can_be_read_takes_two_seconds_to_check_draw_tell_or_walk(document: str) -> None:
    definition = parse(document)
    acts: dict[str, Callable[[], object]] = {
        "lint": lambda: lint(document),
        "draw": lambda: timeline.picture(definition),
        "tell": lambda: timeline.table(definition),
        "stages": lambda: showing.stages(definition),
        "walk": lambda: list(
            walk(definition, start=datetime(2026, 3, 2, tzinfo=UTC), zone=ZoneInfo("Europe/Lisbon"))
        ),
    }
    slow = {}
    for name, act in acts.items():
        began = process_time()
        act()
        taken = process_time() - began
        if taken > 2:
            slow[name] = taken
    assert slow == {}


@pytest.mark.parametrize("document", [MANY_RULES, MANY_CYCLES], ids=["620 rules", "60 cycles of 80 calls"])
def test_what_a_move_to_the_largest_document_would_change_for_a_course_is_seen_in_two_seconds(
    document: str,
) -> None:
    started = datetime(2026, 3, 2, tzinfo=UTC)
    definition = parse(document)
    candidate = parse(document.replace("closes: {value: 1 d,", "closes: {value: 2 d,"))
    zone = ZoneInfo("Europe/Lisbon")
    history = History(course_id=1, enrolled_at=started, live_from=started, setting=Setting(zone=zone))
    began = process_time()
    seen: Effects = effects(
        transfer(
            definition=definition,
            candidate=candidate,
            version_id=1,
            history=history,
            as_of=datetime(2026, 3, 3, tzinfo=UTC),
        ),
        zone=zone,
    )
    taken = process_time() - began
    # In the second document every window hangs on a session that has no day yet.
    assert len(seen.dates) == (3100 if document is MANY_RULES else 0)
    assert taken < 2
