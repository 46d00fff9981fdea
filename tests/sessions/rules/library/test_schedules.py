"""The schedule of events of each protocol of the library, for a course that begins on Monday 2 March 2026 at
09:00 in New York, six days before its clocks go forward: one line for each thing to do, by its target day.

Columns: code, target day, opens, closes, minutes. Repeats in the later cycles of esketamine and ketamine, and
the daily calls of MDMA, have tests of their own below the tables.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from sessions.rules.deviations import deviations
from sessions.rules.engine import requirements
from sessions.rules.requirements import Status
from sessions.rules.walking import Walked, walk
from tests.support.courses import whole_course
from tests.support.library import CODES, protocol

YORK = ZoneInfo("America/New_York")
START = datetime(2026, 3, 2, 9, tzinfo=YORK).astimezone(UTC)

TABLES = {
    "mdma_ptsd": """
        caps5.baseline 2026-02-02 2026-02-02T00:00 2026-04-20T23:59 -
        cssrs.baseline 2026-03-02 2026-03-02T00:00 2026-04-20T23:59 -
        pcl5.baseline 2026-03-02 2026-03-02T00:00 2026-04-20T23:59 -
        preparation.1 2026-03-09 2026-03-02T00:00 2026-03-23T23:59 90
        preparation.2 2026-03-16 2026-03-11T00:00 2026-03-23T23:59 90
        preparation.3 2026-03-23 2026-03-18T00:00 2026-03-30T23:59 90
        cssrs.before_dosing@dosing.1 2026-03-29 2026-03-29T00:00 2026-03-30T23:59 -
        dosing.1 2026-03-30 2026-03-24T00:00 2026-04-13T23:59 480
        dose.supplement@dosing.1 2026-03-30 2026-03-30T12:00 2026-03-30T12:30 -
        cssrs.day_after@dosing.1 2026-03-31 2026-03-31T00:00 2026-03-31T23:59 -
        check_in@dosing.1 2026-03-31 2026-03-31T07:00 2026-03-31T23:59 -
        integration.1@dosing.1 2026-03-31 2026-03-31T07:00 2026-03-31T14:00 90
        integration.2@dosing.1 2026-04-06 2026-04-04T00:00 2026-04-09T23:59 90
        cssrs.day_7@dosing.1 2026-04-06 2026-04-05T00:00 2026-04-07T23:59 -
        integration.3@dosing.1 2026-04-15 2026-04-11T00:00 2026-04-19T23:59 90
        pcl5.after_dosing@dosing.1 2026-04-15 2026-04-13T00:00 2026-04-19T23:59 -
        cssrs.before_dosing@dosing.2 2026-04-26 2026-04-26T00:00 2026-04-27T23:59 -
        caps5.week_4 2026-04-27 2026-04-17T00:00 2026-05-04T23:59 -
        dosing.2 2026-04-27 2026-04-20T00:00 2026-05-04T23:59 480
        dose.supplement@dosing.2 2026-04-27 2026-04-27T12:00 2026-04-27T12:30 -
        cssrs.day_after@dosing.2 2026-04-28 2026-04-28T00:00 2026-04-28T23:59 -
        check_in@dosing.2 2026-04-28 2026-04-28T07:00 2026-04-28T23:59 -
        integration.1@dosing.2 2026-04-28 2026-04-28T07:00 2026-04-28T14:00 90
        integration.2@dosing.2 2026-05-04 2026-05-02T00:00 2026-05-07T23:59 90
        cssrs.day_7@dosing.2 2026-05-04 2026-05-03T00:00 2026-05-05T23:59 -
        integration.3@dosing.2 2026-05-13 2026-05-09T00:00 2026-05-17T23:59 90
        pcl5.after_dosing@dosing.2 2026-05-13 2026-05-11T00:00 2026-05-17T23:59 -
        cssrs.before_dosing@dosing.3 2026-05-24 2026-05-24T00:00 2026-05-25T23:59 -
        caps5.week_8 2026-05-25 2026-05-11T00:00 2026-06-08T23:59 -
        dosing.3 2026-05-25 2026-05-18T00:00 2026-06-01T23:59 480
        dose.supplement@dosing.3 2026-05-25 2026-05-25T12:00 2026-05-25T12:30 -
        cssrs.day_after@dosing.3 2026-05-26 2026-05-26T00:00 2026-05-26T23:59 -
        check_in@dosing.3 2026-05-26 2026-05-26T07:00 2026-05-26T23:59 -
        integration.1@dosing.3 2026-05-26 2026-05-26T07:00 2026-05-26T14:00 90
        integration.2@dosing.3 2026-06-01 2026-05-30T00:00 2026-06-04T23:59 90
        cssrs.day_7@dosing.3 2026-06-01 2026-05-31T00:00 2026-06-02T23:59 -
        integration.3@dosing.3 2026-06-10 2026-06-06T00:00 2026-06-14T23:59 90
        pcl5.after_dosing@dosing.3 2026-06-10 2026-06-08T00:00 2026-06-14T23:59 -
        caps5.primary 2026-07-25 2026-07-13T00:00 2026-08-10T23:59 -
        pcl5.follow_up 2026-07-25 2026-07-13T00:00 2026-08-10T23:59 -
        long_term.month_6 2026-11-23 2026-11-16T00:00 2026-12-21T23:59 -
        caps5.month_12 2027-05-25 2027-04-26T00:00 2027-07-19T23:59 -
        long_term.month_12 2027-05-25 2027-05-17T00:00 2027-06-21T23:59 -
        long_term.month_24 2028-05-24 2028-05-15T00:00 2028-06-19T23:59 -
    """,
    "psilocybin_ptsd": """
        caps5.baseline 2026-03-02 2026-03-02T00:00 2026-04-13T23:59 -
        pcl5.baseline 2026-03-02 2026-03-02T00:00 2026-04-13T23:59 -
        sds.baseline 2026-03-02 2026-03-02T00:00 2026-04-13T23:59 -
        preparation.1 2026-03-09 2026-03-02T00:00 2026-03-23T23:59 90
        preparation.2 2026-03-16 2026-03-11T00:00 2026-03-23T23:59 90
        preparation.3 2026-03-23 2026-03-18T00:00 2026-03-30T23:59 90
        cssrs.before_dosing@dosing.1 2026-04-05 2026-04-05T00:00 2026-04-06T23:59 -
        dosing.1 2026-04-06 2026-03-23T00:00 2026-04-13T23:59 480
        contact.after@dosing.1#1 2026-04-07 2026-04-07T00:00 2026-04-07T23:59 -
        integration.1@dosing.1 2026-04-07 2026-04-07T00:00 2026-04-08T23:59 90
        check_in@dosing.1 2026-04-07 2026-04-07T07:00 2026-04-07T23:59 -
        contact.after@dosing.1#2 2026-04-13 2026-04-13T00:00 2026-04-13T23:59 -
        integration.2@dosing.1 2026-04-16 2026-04-13T00:00 2026-04-20T23:59 90
        caps5.week_4 2026-05-04 2026-05-01T00:00 2026-05-07T23:59 -
        pcl5.week_4 2026-05-04 2026-05-01T00:00 2026-05-07T23:59 -
        sds.week_4 2026-05-04 2026-05-01T00:00 2026-05-07T23:59 -
        caps5.week_12 2026-06-29 2026-06-22T00:00 2026-07-06T23:59 -
        pcl5.week_12 2026-06-29 2026-06-22T00:00 2026-07-06T23:59 -
        sds.week_12 2026-06-29 2026-06-22T00:00 2026-07-06T23:59 -
    """,
    "psilocybin_trd": """
        cssrs.baseline 2026-03-02 2026-03-02T00:00 2026-05-11T23:59 -
        madrs.baseline 2026-03-02 2026-03-02T00:00 2026-05-11T23:59 -
        preparation.1 2026-03-09 2026-03-02T00:00 2026-03-23T23:59 90
        preparation.2 2026-03-16 2026-03-11T00:00 2026-03-23T23:59 90
        preparation.3 2026-03-23 2026-03-18T00:00 2026-03-30T23:59 90
        cssrs.before_dosing@dosing.1 2026-03-29 2026-03-29T00:00 2026-03-30T23:59 -
        dosing.1 2026-03-30 2026-03-24T00:00 2026-04-13T23:59 480
        contact.after@dosing.1#1 2026-03-31 2026-03-31T00:00 2026-03-31T23:59 -
        integration.1@dosing.1 2026-03-31 2026-03-31T00:00 2026-04-01T23:59 90
        madrs.day_2 2026-03-31 2026-03-31T00:00 2026-04-01T23:59 -
        check_in@dosing.1 2026-03-31 2026-03-31T07:00 2026-03-31T23:59 -
        madrs.week_1 2026-04-06 2026-04-04T00:00 2026-04-09T23:59 -
        contact.after@dosing.1#2 2026-04-06 2026-04-06T00:00 2026-04-06T23:59 -
        integration.2@dosing.1 2026-04-09 2026-04-06T00:00 2026-04-13T23:59 90
        phq9.after_dosing@dosing.1 2026-04-11 2026-04-11T00:00 2026-04-17T23:59 -
        cssrs.before_dosing@dosing.2 2026-04-19 2026-04-19T00:00 2026-04-20T23:59 -
        dosing.2 2026-04-20 2026-04-17T00:00 2026-04-23T23:59 480
        madrs.week_3 2026-04-20 2026-04-17T00:00 2026-04-23T23:59 -
        contact.after@dosing.2#1 2026-04-21 2026-04-21T00:00 2026-04-21T23:59 -
        integration.1@dosing.2 2026-04-21 2026-04-21T00:00 2026-04-22T23:59 90
        check_in@dosing.2 2026-04-21 2026-04-21T07:00 2026-04-21T23:59 -
        contact.after@dosing.2#2 2026-04-27 2026-04-27T00:00 2026-04-27T23:59 -
        integration.2@dosing.2 2026-04-30 2026-04-27T00:00 2026-05-04T23:59 90
        phq9.after_dosing@dosing.2 2026-05-02 2026-05-02T00:00 2026-05-08T23:59 -
        madrs.week_6 2026-05-11 2026-05-08T00:00 2026-05-14T23:59 -
        madrs.week_9 2026-06-01 2026-05-29T00:00 2026-06-04T23:59 -
        madrs.week_12 2026-06-22 2026-06-15T00:00 2026-06-29T23:59 -
        madrs.week_52 2027-03-29 2027-03-15T00:00 2027-04-12T23:59 -
    """,
    "oregon_psilocybin": """
        preparation 2026-03-09 2025-12-16T00:00 2026-03-15T09:00 60
        form.client_information 2026-03-16 - 2026-03-16T09:00 -
        form.data_opt_out 2026-03-16 - 2026-03-16T09:00 -
        form.facilitators_approved 2026-03-16 - 2026-03-16T09:00 -
        form.product_information 2026-03-16 - 2026-03-16T09:00 -
        form.safety_plan 2026-03-16 - 2026-03-16T09:00 -
        form.transportation_plan@administration.1 2026-03-16 - 2026-03-16T09:00 -
        administration.1 2026-03-16 2026-03-03T09:00 2026-08-29T23:59 360
        contact.after@administration.1 2026-03-17 2026-03-16T15:00 2026-03-19T15:00 -
        integration.1@administration.1 2026-03-19 2026-03-16T00:00 2026-04-15T23:59 60
        dose.supplement@administration.1 - - - -
    """,
    "lsd_anxiety": """
        cssrs.baseline 2026-03-02 2026-03-02T00:00 2026-05-11T23:59 -
        hama.baseline 2026-03-02 2026-03-02T00:00 2026-05-11T23:59 -
        preparation.1 2026-03-09 2026-03-02T00:00 2026-03-30T23:59 60
        preparation.2 2026-03-16 2026-03-11T00:00 2026-03-30T23:59 60
        cssrs.before_dosing@dosing.1 2026-03-22 2026-03-22T00:00 2026-03-23T23:59 -
        dosing.1 2026-03-23 2026-03-17T00:00 2026-04-13T23:59 720
        contact.after@dosing.1#1 2026-03-24 2026-03-24T00:00 2026-03-24T23:59 -
        integration.1@dosing.1 2026-03-24 2026-03-24T00:00 2026-03-26T23:59 60
        check_in@dosing.1 2026-03-24 2026-03-24T07:00 2026-03-24T23:59 -
        contact.after@dosing.1#2 2026-03-30 2026-03-30T00:00 2026-03-30T23:59 -
        integration.2@dosing.1 2026-04-06 2026-03-30T00:00 2026-04-13T23:59 60
        cssrs.before_dosing@dosing.2 2026-05-03 2026-05-03T00:00 2026-05-04T23:59 -
        dosing.2 2026-05-04 2026-04-27T00:00 2026-05-11T23:59 720
        contact.after@dosing.2#1 2026-05-05 2026-05-05T00:00 2026-05-05T23:59 -
        integration.1@dosing.2 2026-05-05 2026-05-05T00:00 2026-05-07T23:59 60
        check_in@dosing.2 2026-05-05 2026-05-05T07:00 2026-05-05T23:59 -
        contact.after@dosing.2#2 2026-05-11 2026-05-11T00:00 2026-05-11T23:59 -
        integration.2@dosing.2 2026-05-18 2026-05-11T00:00 2026-05-25T23:59 60
        hama.week_2 2026-05-18 2026-05-15T00:00 2026-05-21T23:59 -
        hama.week_8 2026-06-29 2026-06-22T00:00 2026-07-06T23:59 -
        hama.week_16 2026-08-24 2026-08-17T00:00 2026-08-31T23:59 -
        hama.month_12 2027-05-04 2027-04-19T00:00 2027-05-17T23:59 -
    """,
    "lsd_gad": """
        cssrs.baseline 2026-03-02 2026-03-02T00:00 2026-05-31T23:59 -
        hama.baseline 2026-03-02 2026-03-02T00:00 2026-05-31T23:59 -
        cssrs.before_dosing@dosing.1 2026-03-29 2026-03-29T00:00 2026-03-30T23:59 -
        dosing.1 2026-03-30 2026-03-09T00:00 2026-05-31T23:59 720
        contact.after@dosing.1 2026-03-31 2026-03-31T00:00 2026-03-31T23:59 -
        check_in@dosing.1 2026-03-31 2026-03-31T07:00 2026-03-31T23:59 -
        madrs.week_1 2026-04-06 2026-04-04T00:00 2026-04-09T23:59 -
        hama.week_4 2026-04-27 2026-04-24T00:00 2026-04-30T23:59 -
        madrs.week_4 2026-04-27 2026-04-24T00:00 2026-04-30T23:59 -
        hama.week_12 2026-06-22 2026-06-15T00:00 2026-06-29T23:59 -
        madrs.week_12 2026-06-22 2026-06-15T00:00 2026-06-29T23:59 -
    """,
    "ketamine_ptsd": """
        caps5.baseline 2026-03-02 2026-03-02T00:00 2026-04-13T23:59 -
        cssrs.baseline 2026-03-02 2026-03-02T00:00 2026-04-13T23:59 -
        madrs.baseline 2026-03-02 2026-03-02T00:00 2026-04-13T23:59 -
        cssrs.before_dosing@dosing.1 2026-03-15 2026-03-15T00:00 2026-03-16T23:59 -
        pcl5.session@dosing.1 2026-03-15 2026-03-15T00:00 2026-03-16T23:59 -
        dosing.1 2026-03-16 2026-03-02T00:00 2026-04-13T23:59 180
        contact.after@dosing.1 2026-03-17 2026-03-17T00:00 2026-03-17T23:59 -
        madrs.hours_24 2026-03-17 2026-03-17T05:00 2026-03-17T13:00 -
        check_in@dosing.1 2026-03-17 2026-03-17T07:00 2026-03-17T23:59 -
        dosing.2 2026-03-18 2026-03-18T00:00 2026-03-19T23:59 180
        dosing.3 2026-03-20 2026-03-20T00:00 2026-03-21T23:59 180
        caps5.week_1 2026-03-23 2026-03-22T00:00 2026-03-24T23:59 -
        madrs.week_1 2026-03-23 2026-03-22T00:00 2026-03-24T23:59 -
        dosing.4 2026-03-23 2026-03-23T00:00 2026-03-24T23:59 180
        dosing.5 2026-03-25 2026-03-25T00:00 2026-03-26T23:59 180
        dosing.6 2026-03-27 2026-03-27T00:00 2026-03-28T23:59 180
        caps5.week_2 2026-03-30 2026-03-29T00:00 2026-03-31T23:59 -
        madrs.week_2 2026-03-30 2026-03-29T00:00 2026-03-31T23:59 -
    """,
    "esketamine_trd": """
        madrs.baseline 2026-02-16 2026-02-16T00:00 2026-03-30T23:59 -
        phq9.session@treatment.1 2026-03-08 2026-03-08T00:00 2026-03-09T23:59 -
        treatment.1 2026-03-09 2026-03-02T00:00 2026-03-30T23:59 150
        rems.enrolment 2026-03-09 - 2026-03-09T09:00 -
        vitals.min_40@treatment.1 2026-03-09 2026-03-09T09:30 2026-03-09T09:50 -
        rems.monitoring@treatment.1 2026-03-10 2026-03-09T00:00 2026-03-16T23:59 -
        treatment.2 2026-03-12 2026-03-11T00:00 2026-03-14T23:59 150
        treatment.3 2026-03-16 2026-03-14T00:00 2026-03-17T23:59 150
        treatment.4 2026-03-19 2026-03-18T00:00 2026-03-21T23:59 150
        treatment.5 2026-03-23 2026-03-21T00:00 2026-03-24T23:59 150
        treatment.6 2026-03-26 2026-03-25T00:00 2026-03-28T23:59 150
        treatment.7 2026-03-30 2026-03-28T00:00 2026-03-31T23:59 150
        treatment.8 2026-04-02 2026-04-01T00:00 2026-04-04T23:59 150
        madrs.week_4 2026-04-05 2026-03-30T00:00 2026-04-13T23:59 -
        benefit 2026-04-06 2026-03-30T00:00 2026-04-13T23:59 -
        treatment.9 2026-04-09 2026-04-07T00:00 2026-04-11T23:59 150
        treatment.10 2026-04-16 2026-04-14T00:00 2026-04-18T23:59 150
        treatment.11 2026-04-23 2026-04-21T00:00 2026-04-25T23:59 150
        treatment.12 2026-04-30 2026-04-28T00:00 2026-05-02T23:59 150
        treatment.13 2026-05-07 2026-05-05T00:00 2026-05-09T23:59 150
    """,
}


@cache
def walked(code: str) -> dict[str, Walked]:
    definition = protocol(code)
    arm = definition.arms[0].code if definition.arms else None
    return {row.code: row for row in walk(definition, start=START, zone=YORK, arm=arm)}


def said(at: datetime | None) -> str:
    return "-" if at is None else f"{at.astimezone(YORK):%Y-%m-%dT%H:%M}"


def line(row: Walked) -> str:
    return (
        f"{row.code} {row.target_on or '-'} {said(row.opens_at)} {said(row.closes_at)} {row.minutes or '-'}"
    )


def is_a_repeat(code: str, row: Walked) -> bool:
    """A row that has a test of its own."""
    if row.code.startswith(("contact.daily@", "vitals.during@")):
        return True
    many = code in ("esketamine_trd", "ketamine_ptsd")
    return many and row.kind != "dosing" and row.cycle is not None and row.cycle > 1


@pytest.mark.parametrize("code", CODES)
def test_a_protocol_asks_for_what_stands_in_its_table_and_for_nothing_else(code: str) -> None:
    found = [line(row) for row in walked(code).values() if not is_a_repeat(code, row)]
    assert found == [row.strip() for row in TABLES[code].strip().splitlines()]


def test_an_mdma_patient_is_called_on_each_of_the_seven_days_after_each_dosing_session() -> None:
    rows = walked("mdma_ptsd")
    days = {
        key: (row.target_on - rows[f"dosing.{row.cycle}"].target_on).days  # type: ignore[operator]
        for key, row in rows.items()
        if row.kind == "contact"
    }
    assert days == {f"contact.daily@dosing.{cycle}#{day}": day for cycle in (1, 2, 3) for day in range(1, 8)}


@pytest.mark.parametrize("code", ["esketamine_trd", "ketamine_ptsd"])
def test_every_session_brings_what_the_first_brings_and_as_far_from_it(code: str) -> None:
    definition, rows = protocol(code), walked(code)
    prefix = "treatment" if code == "esketamine_trd" else "dosing"
    sessions = [row for row in rows.values() if row.kind == "dosing"]

    def brought(cycle: int) -> dict[str, timedelta]:
        key = f"{prefix}.{cycle}"
        return {
            row.code.replace(f"@{key}", ""): row.target_on - rows[key].target_on  # type: ignore[operator]
            for row in rows.values()
            if row.cycle == cycle and row.kind != "dosing"
        }

    assert {len(brought(row.cycle or 0)) for row in sessions} == {len(brought(1))}
    assert all(brought(row.cycle or 0) == brought(1) for row in sessions), definition.code


def test_esketamine_comes_twice_in_each_of_four_weeks_then_once_in_each_of_four() -> None:
    rows = walked("esketamine_trd")
    first = rows["treatment.1"].target_on
    weeks = [
        (row.target_on - first).days // 7  # type: ignore[operator]
        for row in rows.values()
        if row.kind == "dosing"
    ]
    assert weeks == [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8]


def test_esketamine_ends_with_induction_when_its_benefit_is_judged_to_be_none() -> None:
    def sessions(choice: str) -> list[str]:
        rows = walk(protocol("esketamine_trd"), start=START, zone=YORK, choose={"benefit": choice})
        return [row.code for row in rows if row.kind == "dosing"]

    assert sessions("stop") == [f"treatment.{number}" for number in range(1, 9)]
    assert sessions("go_on") == [f"treatment.{number}" for number in range(1, 14)]


def test_ketamine_comes_on_mondays_wednesdays_and_fridays_of_two_weeks() -> None:
    days = [f"{row.target_on:%a}" for row in walked("ketamine_ptsd").values() if row.kind == "dosing"]
    assert days == ["Mon", "Wed", "Fri"] * 2


@pytest.mark.parametrize("code", CODES)
def test_a_course_held_exactly_to_plan_has_no_deviations(code: str) -> None:
    definition = protocol(code)
    arm = definition.arms[0].code if definition.arms else None
    step = whole_course(
        definition, START, YORK, arm=arm, attributes=frozenset({"can_become_pregnant", "first_episode"})
    )
    found = requirements(definition=definition, history=step.history, as_of=step.at + timedelta(days=30))
    assert {row.key: row.status for row in deviations(found)} == {}
    settled = {row.status for row in found.requirements if row.firm}
    assert settled <= {Status.MET, Status.WITHDRAWN}
