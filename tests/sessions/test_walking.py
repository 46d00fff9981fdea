"""The schedule of a perfect course, as the command prints it."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.library import CODES, LIBRARY


def walked(code: str, *more: str) -> dict[str, dict[str, Any]]:
    out = StringIO()
    call_command(
        "walk_protocol",
        str(LIBRARY / f"{code}.yaml"),
        "--start",
        "2026-03-02",
        "--format",
        "json",
        *more,
        stdout=out,
    )
    return {row["code"]: row for row in json.loads(out.getvalue())}


@pytest.mark.parametrize("code", CODES)
def test_every_library_protocol_walks(code: str) -> None:
    rows = walked(code)
    assert rows
    assert set(next(iter(rows.values()))) == {
        "code",
        "kind",
        "stage",
        "cycle",
        "target_on",
        "opens_at",
        "closes_at",
        "minutes",
    }
    assert any(row["kind"] == "dosing" and row["minutes"] for row in rows.values())


@pytest.mark.parametrize(
    ("code", "key", "target_on", "opens_at", "closes_at"),
    [
        ("mdma_ptsd", "preparation.3", "2026-03-23", "2026-03-18T00:00-04:00", "2026-03-30T23:59-04:00"),
        ("mdma_ptsd", "dosing.1", "2026-03-30", "2026-03-24T00:00-04:00", "2026-04-13T23:59-04:00"),
        (
            "mdma_ptsd",
            "integration.1@dosing.1",
            "2026-03-31",
            "2026-03-31T07:00-04:00",
            "2026-03-31T14:00-04:00",
        ),
        ("mdma_ptsd", "dosing.2", "2026-04-27", "2026-04-20T00:00-04:00", "2026-05-04T23:59-04:00"),
        (
            "oregon_psilocybin",
            "administration.1",
            "2026-03-16",
            "2026-03-03T00:00-05:00",
            "2026-08-29T23:59-04:00",
        ),
        ("psilocybin_trd", "dosing.2", "2026-04-20", "2026-04-17T00:00-04:00", "2026-04-23T23:59-04:00"),
    ],
    ids=lambda value: value if isinstance(value, str) and "T" not in value else "",
)
def test_a_visit_lies_where_the_protocol_says_in_the_clinics_days(
    code: str, key: str, target_on: str, opens_at: str, closes_at: str
) -> None:
    row = walked(code, "--zone", "America/New_York")[key]
    assert (row["target_on"], row["opens_at"], row["closes_at"]) == (target_on, opens_at, closes_at)


def test_what_hangs_on_a_late_session_moves_with_it_and_nothing_else() -> None:
    plain, late = walked("mdma_ptsd"), walked("mdma_ptsd", "--late", "dosing.1=2")
    assert late["preparation.3"] == plain["preparation.3"]
    assert (plain["dosing.1"]["target_on"], late["dosing.1"]["target_on"]) == ("2026-03-30", "2026-04-01")
    assert (plain["dosing.2"]["target_on"], late["dosing.2"]["target_on"]) == ("2026-04-27", "2026-04-29")


def test_a_decision_changes_the_frequency_and_brings_optional_treatment() -> None:
    weekly = walked("esketamine_trd")
    fortnightly = walked("esketamine_trd", "--choose", "frequency=every_two_weeks")
    assert weekly["treatment.12"] == fortnightly["treatment.12"]
    assert weekly["treatment.13"]["target_on"] != fortnightly["treatment.13"]["target_on"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--late", "dosing.9=1"), "There is no dosing.9"),
        (("--late", "dosing.1=soon"), "write a session and its days"),
        (("--choose", "frequency=weekly"), "There is no frequency=weekly"),
        (("--arm", "other"), "There is no arm other"),
        (("--with", "can_become_pregnat"), "There are: can_become_pregnant, male"),
        (("--zone", "Mars/Olympus"), "no time zone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_the_protocol_does_not_have_is_named(more: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        walked("mdma_ptsd", *more)


def test_without_a_format_the_walk_is_a_table_for_people() -> None:
    out = StringIO()
    call_command("walk_protocol", str(LIBRARY / "mdma_ptsd.yaml"), "--start", "2026-03-02", stdout=out)
    head, first, *_rest = out.getvalue().splitlines()
    assert head.split() == ["code", "kind", "stage", "cycle", "target_on", "opens_at", "closes_at", "minutes"]
    assert len(first) <= len(head) + 40 and "2026-03-" in out.getvalue()


def test_the_walk_asks_only_of_whom_a_rule_is_for_what_it_asks() -> None:
    plain, first = walked("psilocybin_trd"), walked("psilocybin_trd", "--with", "first_episode")
    assert set(plain) <= set(first)
