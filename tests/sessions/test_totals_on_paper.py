"""A total that stands on paper without its answers: it is never taken in their place, and never left out in
silence. The answer on which somebody must act is not in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from clinic.errors import BadInput, Incomplete
from protocols.queries import instrument_of
from sessions.models import Course, FactRecord, StaffTask
from sessions.operations.correcting import amend_fact
from sessions.operations.records import record_fact
from sessions.rules.facts import AssessmentAnswered, Mode
from tests.sessions.api.caller import calls, fields, iso, new_id, problem
from tests.support.cast import START, Cast, calm_answers, days, enrol, make_cast
from tests.support.clinic_day import set_clock
from tests.support.texting import signed_in

pytestmark = pytest.mark.django_db

NOW = START + days(2)
CALM = dict(calm_answers("phq9"))
WORDS_OF_Q9 = "Thoughts that you would be better off dead"


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    set_clock(NOW)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def sent(cast: Cast, course: Course, *, total: int | None, answers: dict[str, int | None]) -> Any:
    return calls(cast, "ada").post(
        "facts",
        {
            "id": new_id(),
            "kind": "assessment_answered",
            "source": "paper",
            "value": {
                "instrument": "phq9",
                "by": "patient",
                "answers": [list(one) for one in answers.items()],
                "total": total,
                "mode": "in_person",
            },
            "occurred_at": iso(NOW),
        },
        course=course.public_id,
    )


def nothing_is_recorded(course: Course) -> bool:
    return not (
        FactRecord.objects.filter(course=course, kind="assessment_answered").exists()
        or StaffTask.objects.filter(course=course).exists()
    )


# --- by the API ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({}, id="no answer"),
        pytest.param(dict.fromkeys(CALM), id="every answer empty"),
        pytest.param({**CALM, "q9": None}, id="all but the one that may worry"),
    ],
)
def test_a_total_without_its_answers_is_refused_and_says_which_answer_is_wanted(
    cast: Cast, course: Course, answers: dict[str, int | None]
) -> None:
    said = problem(sent(cast, course, total=14, answers=answers), 422, "answers-missing")
    assert {"total", "answers"} <= {name.removeprefix("value.") for name in fields(said)}
    assert WORDS_OF_Q9 in str(said["errors"]) and "q9" in str(said["errors"])
    assert nothing_is_recorded(course)


def test_a_total_with_only_the_worrying_answer_is_refused_and_the_answer_alone_is_acted_on(
    cast: Cast, course: Course
) -> None:
    said = problem(sent(cast, course, total=27, answers={"q9": 3}), 422, "answers-missing")
    assert "Leave it out" in str(said["errors"]) and WORDS_OF_Q9 not in str(said["errors"])
    assert nothing_is_recorded(course)
    assert sent(cast, course, total=None, answers={"q9": 3}).status_code == 201
    assert FactRecord.objects.get(course=course, kind="assessment_answered").value["total"] is None
    assert StaffTask.objects.filter(course=course, kind="worrying_answer").exists()


def test_a_total_that_the_answers_do_not_come_to_is_refused_and_says_what_they_come_to(
    cast: Cast, course: Course
) -> None:
    said = problem(sent(cast, course, total=14, answers={**CALM, "q1": 2}), 400)
    assert "They come to 2." in str(said["errors"])
    assert nothing_is_recorded(course)


def test_a_total_that_the_answers_come_to_is_taken_and_a_missing_one_added_up(
    cast: Cast, course: Course
) -> None:
    for total in (2, None):
        assert sent(cast, course, total=total, answers={**CALM, "q1": 2}).status_code == 201
    rows = FactRecord.objects.filter(course=course, kind="assessment_answered")
    assert [row.value["total"] for row in rows] == [2, 2]
    assert {row.source for row in rows} == {"paper"}


def test_a_total_of_what_has_none_is_refused(cast: Cast, course: Course) -> None:
    assert not instrument_of("cssrs_screener").scales
    with pytest.raises(BadInput) as refused:
        record_fact(
            actor=cast.actor("ada", at=NOW),
            course_id=course.public_id,
            value=answered("cssrs_screener", calm_answers("cssrs_screener"), total=0),
            occurred_at=NOW,
            now=NOW,
        )
    assert set(refused.value.fields) == {"total"}


def answered(
    instrument: str, answers: tuple[tuple[str, int | None], ...], *, total: int | None = None
) -> AssessmentAnswered:
    return AssessmentAnswered(
        instrument=instrument, by="patient", answers=answers, total=total, mode=Mode.IN_PERSON
    )


def test_a_correction_keeps_to_the_same(cast: Cast, course: Course) -> None:
    ada = cast.actor("ada", at=NOW)
    row = record_fact(
        actor=ada,
        course_id=course.public_id,
        value=answered("phq9", tuple(CALM.items())),
        occurred_at=NOW,
        now=NOW,
    )
    for value in (
        answered("phq9", (), total=14),
        answered("phq9", ()),
        answered("phq9", (("q1", 1),), total=1),
    ):
        with pytest.raises(Incomplete):
            amend_fact(
                actor=ada, fact_id=row.public_id, value=value, occurred_at=NOW, reason="Misread.", now=NOW
            )
    assert FactRecord.objects.filter(course=course, kind="assessment_answered").count() == 1


# --- on the page --------------------------------------------------------------------------------------------


def test_the_page_asks_for_the_answers_and_refuses_a_form_without_any(cast: Cast, course: Course) -> None:
    staff = signed_in(cast, "ada")
    address = reverse("sessions:record", args=(cast.clinic.slug, course.public_id, "assessment"))
    page = staff.get(f"{address}?key=pcl5.baseline").content.decode()
    assert "the total is added up from them" in page and 'name="total"' not in page
    empty = staff.post(f"{address}?key=pcl5.baseline", {"total": "40"})
    assert empty.status_code == 422 and "Enter the answers as they stand" in empty.content.decode()
    assert nothing_is_recorded(course)
    answers = {f"item-{code}": str(value) for code, value in calm_answers("pcl5")}
    assert staff.post(f"{address}?key=pcl5.baseline", answers).status_code == 302
    assert FactRecord.objects.get(course=course, kind="assessment_answered").value["total"] == 0


def test_the_page_names_the_answers_on_which_somebody_may_have_to_act(cast: Cast, course: Course) -> None:
    staff = signed_in(cast, "ada")
    address = reverse("sessions:record", args=(cast.clinic.slug, course.public_id, "assessment"))
    empty = staff.post(f"{address}?key=cssrs.baseline", {})
    assert empty.status_code == 422
    said = empty.content.decode()
    assert "At the least, enter the answer" in said and "(q4)" in said and "(q5)" in said
    assert nothing_is_recorded(course)
