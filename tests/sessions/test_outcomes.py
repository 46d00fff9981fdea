"""What a course came to, and the clinic's own results beside a trial's: only where both measured the same."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.actors import acting
from clinic.errors import Forbidden
from clinic.permissions import Role
from protocols.queries import definition_of, instrument_of
from protocols.queries.results import published_results
from sessions.models import Course, FactRecord, SessionRecord
from sessions.queries import outcomes as queries
from sessions.rules.codec import kind_of, to_json
from sessions.rules.comparisons import Difference, differences
from sessions.rules.facts import AssessmentAnswered, DoseGiven, DosePart, FactValue, Intake, Mode
from sessions.web.cuts import shown
from tests.support.cast import LIBRARY, START, Cast, allow, days, enrol, make_cast, make_person, publish
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

DOSED = START + days(30)
AT = START + days(100)


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    cast.people["hana"] = make_person(cast.clinic, "Hana Hazel", Role.THERAPIST)  # rates, treats nobody here
    return cast


def put(cast: Cast, course: Course, value: FactValue, at: datetime, *, key: str = "") -> None:
    FactRecord.objects.create(
        clinic=cast.clinic,
        course=course,
        kind=kind_of(value),
        key=key or None,
        occurred_at=at,
        aware_at=at,
        recorded_at=at,
        observed_by=cast.people["hana"],
        entered_by=cast.people["hana"],
        source="staff",
        value=to_json(value),
        protocol_version_id=course.protocol_version_id,
    )


def madrs(
    cast: Cast, course: Course, each: int, at: datetime, key: str, by: str = "independent_rater"
) -> None:
    items = instrument_of("madrs").items
    answers = tuple((item.code, each) for item in items)
    value = AssessmentAnswered(
        instrument="madrs", by=by, answers=answers, total=each * len(items), mode=Mode.IN_PERSON
    )
    put(cast, course, value, at, key=key)


def treated(cast: Cast, code: str, *, before: int = 3, after: int | None = 1) -> Course:
    """Dosed once; each MADRS item at `before`, and six weeks on at `after`."""
    course = enrol(cast, code)
    madrs(cast, course, before, START + days(2), "madrs.baseline")
    held(cast, course, Decimal(25))
    if after is not None:
        madrs(cast, course, after, DOSED + days(42), "madrs.week_6")
    return course


def held(cast: Cast, course: Course, milligrams: Decimal) -> None:
    record = SessionRecord.objects.create(
        clinic=cast.clinic,
        course=course,
        key="dosing.1",
        kind="dosing",
        status="ended",
        started_at=DOSED,
        ended_at=DOSED + timedelta(hours=8),
        started_by=cast.people["ada"],
        protocol_version_id=course.protocol_version_id,
    )
    put(
        cast,
        course,
        DoseGiven(
            record_id=record.public_id,
            part=DosePart.INITIAL,
            amount=milligrams,
            unit="mg",
            intake=Intake.FULL,
            given_by=cast.people["ada"].pk,
            checked_by=None,
        ),
        DOSED + timedelta(minutes=10),
        key="dosing.1",
    )


def own(cast: Cast) -> dict[str, queries.OwnResult]:
    carla = cast.actor("carla", at=AT)
    with acting(carla):
        (version,) = queries.clinic_outcomes(carla, clinic=cast.clinic, now=AT)
    return {one.rule.code: one for one in version.results}


def test_response_and_remission_are_counted_apart_by_the_protocols_definitions(cast: Cast) -> None:
    treated(cast, "P-001", after=1)  # 30 to 10: response and remission
    treated(cast, "P-002", before=4, after=2)  # 40 to 20: response, no remission
    treated(cast, "P-003", after=3)  # no change
    treated(cast, "P-004", after=None)  # not assessed
    enrol(cast, "P-005")  # no dose
    found = {code: one.tally for code, one in own(cast).items()}
    assert {code: (one.reached, one.assessed, one.not_assessed) for code, one in found.items()} == {
        "response": (2, 3, 1),
        "partial_response": (2, 3, 1),
        "remission": (1, 3, 1),
    }


SYMPTOMS = {"b": 5, "c": 2, "d": 7, "e": 6}


def caps5(cast: Cast, course: Course, rated: str, at: datetime, key: str) -> None:
    """Each symptom's severity by its letter and number: ``b1=4 c2=3``, those not named 0; the other criteria
    as met. ``b=2``: all of B; ``f=none``: criterion F is not answered; ``total=12``: that, and no answers."""
    items = [f"{letter}{number}" for letter, count in SYMPTOMS.items() for number in range(1, count + 1)]
    given = dict(part.split("=") for part in rated.split())
    answers: dict[str, int | None] = {one: int(given.get(one, given.get(one[0], 0))) for one in items}
    total = sum(value or 0 for value in answers.values())
    answers |= {"criterion_a": 1, "q23": 2, "q24": 0, "q25": 0, "criterion_f": 1}
    if given.get("f") == "none":
        answers["criterion_f"] = None
    if "total" in given:
        answers, total = {}, int(given["total"])
    value = AssessmentAnswered(
        instrument="caps5",
        by="independent_rater",
        answers=tuple(answers.items()),
        total=total,
        mode=Mode.VIDEO,
    )
    put(cast, course, value, at, key=key)


@pytest.mark.parametrize(
    ("before", "after", "reached"),
    [
        pytest.param("b=3 c=3 d=3 e=3", "b=2 c=2 d=2 e=2", "response", id="60 to 40 and still the diagnosis"),
        pytest.param("b=3 c=3 d=3 e=3", "b=3 c=3 d=3 e=2 b1=0", "", id="60 to 51: nine points are not ten"),
        pytest.param("b=3 c=3 d=3 e=3", "b=3 c=3 d=3 e=2 b1=0 b2=2", "response", id="60 to 50: ten points"),
        pytest.param("b=2 c=2 d=2 e=2", "b=2 c=1 d=2 e=2", "loss_of_diagnosis", id="40 to 38, no avoidance"),
        pytest.param(
            "b=3 c=3 d=3 e=3", "b=2 d1=2", "response loss_of_diagnosis", id="to 12: not yet remission"
        ),
        pytest.param(
            "b=3 c=3 d=3 e=3", "b=2 d1=1", "response loss_of_diagnosis remission", id="to 11: remission"
        ),
        pytest.param(
            "b1=4 c1=2 d1=2 d2=2 e1=2 e2=2", "b=1", "loss_of_diagnosis remission", id="14 to 5: no response"
        ),
    ],
)
def test_response_loss_of_diagnosis_and_remission_are_three_things(
    cast: Cast, before: str, after: str, reached: str
) -> None:
    cast.version = publish(cast, (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"))
    found = states(cast, after_mdma(cast, "P-001", before, after))
    assert found == {
        code: "reached" if code in reached.split() else "not_reached"
        for code in ("response", "loss_of_diagnosis", "remission")
    }


@pytest.mark.parametrize(
    ("after", "open_"),
    [
        pytest.param(
            "b=2 c=2 d=2 e=2 f=none",
            "loss_of_diagnosis",
            id="criterion F not answered",
        ),
        pytest.param("b=2 c=1 d=2 e=2 f=none", "", id="not answered, and no matter"),
        pytest.param("total=30", "loss_of_diagnosis remission", id="a total on paper"),
        pytest.param("", "response loss_of_diagnosis remission", id="never rated"),
    ],
)
def test_what_missing_answers_leave_open_is_not_assessed(cast: Cast, after: str, open_: str) -> None:
    cast.version = publish(cast, (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"))
    found = states(cast, after_mdma(cast, "P-001", "b=3 c=3 d=3 e=3", after))
    assert {code for code, reach in found.items() if reach == "not_assessed"} == set(open_.split())


def test_three_counts_stand_apart_and_loss_of_diagnosis_alone_beside_the_trials(cast: Cast) -> None:
    cast.version = publish(cast, (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"))
    worst = "b=3 c=3 d=3 e=3"
    for number, after in enumerate(("b=2 c=2 d=2 e=2", "b=2 d1=2", "b=1", "b=1", "total=30", ""), start=1):
        after_mdma(cast, f"P-{number:03d}", worst, after)
    found = own(cast)
    assert {
        code: (one.tally.reached, one.tally.assessed, one.tally.not_assessed) for code, one in found.items()
    } == {"response": (5, 5, 1), "loss_of_diagnosis": (3, 4, 2), "remission": (2, 4, 2)}
    assert {
        code: [(beside.published.percent, tuple(beside.differences)) for beside in one.beside]
        for code, one in found.items()
    } == {
        "response": [(Decimal("86.5"), (Difference.NOT_FOUND,))],
        "loss_of_diagnosis": [(Decimal(71), ())],
        "remission": [],
    }
    text = page(cast, "carla", reverse("sessions:outcomes", args=(cast.clinic.slug,)))
    assert "which calls it remission; in the trial" in text
    rests_on = re.search(
        r"PTSD diagnosis: criteria A to G all met <b[^>]*>no longer</b>(.*?)</li>", text, re.DOTALL
    )
    assert rests_on is not None
    assert "Report of the results of MAPP2" in rests_on[1]
    assert "mapp2-report" not in text
    protocol = reverse("protocols:protocol", args=(cast.clinic.slug, cast.version.protocol.public_id))
    text = page(cast, "carla", protocol)
    assert re.search(r"points lower than CAPS-5 at baseline <b[^>]*>≥ 10</b>.*?unverified", text)


def after_mdma(cast: Cast, code: str, before: str, after: str) -> Course:
    """Dosed once, rated before, and two months after when `after` is not empty."""
    course = enrol(cast, code)
    caps5(cast, course, before, START + days(2), "caps5.baseline")
    held(cast, course, Decimal(80))
    if after:
        caps5(cast, course, after, DOSED + days(61), "caps5.primary")
    return course


def states(cast: Cast, course: Course) -> dict[str, str]:
    ada = cast.actor("ada", at=AT)
    with acting(ada):
        found = queries.course_outcomes(ada, course.public_id, now=AT).states
    return {one.code: one.reach.value for one in found}


def test_a_published_result_stands_beside_only_where_instrument_rater_definition_and_time_are_the_same(
    cast: Cast,
) -> None:
    treated(cast, "P-001")
    found = own(cast)
    beside = {
        (code, one.published.trial): tuple(one.differences)
        for code, own in found.items()
        for one in own.beside
    }
    assert beside == {
        ("partial_response", "COMP006"): (Difference.NOT_FOUND,),
        ("partial_response", "COMP005"): (),
        ("response", "COMP001"): (Difference.TIME_POINT,),
        ("remission", "COMP001"): (Difference.TIME_POINT,),
    }
    with_people = next(one for one in found["partial_response"].beside if one.published.people)
    assert with_people.interval is not None and with_people.interval.low < 0.39 < with_people.interval.high


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        ({"instrument": "phq9"}, Difference.INSTRUMENT),
        ({"rated_by": "patient"}, Difference.RATER),
        ({"value": Decimal(30)}, Difference.DEFINITION),
        ({"value": None}, Difference.NOT_FOUND),
    ],
)
def test_whatever_differs_is_said(cast: Cast, measured: dict[str, object], why: Difference) -> None:
    assert cast.version is not None
    definition = definition_of(cast.version.pk)
    rule = next(one for one in definition.outcomes if one.code == "partial_response")
    published = next(one for one in published_results("psilocybin_trd") if one.trial == "COMP005")
    assert differences(definition, rule, published) == ()
    other = type(published).model_validate(
        {**published.model_dump(), "measured": {**published.measured.model_dump(), **measured}}
    )
    assert why in differences(definition, rule, other)


def test_the_clinics_results_are_for_who_reads_every_chart_and_say_when_they_are_few(cast: Cast) -> None:
    treated(cast, "P-001")
    ada = cast.actor("ada", at=AT)
    with acting(ada), pytest.raises(Forbidden):
        queries.clinic_outcomes(ada, clinic=cast.clinic, now=AT)
    address = reverse("sessions:outcomes", args=(cast.clinic.slug,))
    text = page(cast, "carla", address)
    assert (
        "small numbers mislead" in text
        and "Not shown beside COMP001" in text
        and "another time point" in text
    )
    cast.clinic.small_number = 1
    cast.clinic.save(update_fields=["small_number"])
    assert "100 %" in page(cast, "carla", address)


def page(cast: Cast, name: str, address: str) -> str:
    set_clock(AT)
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_course_shows_its_scores_with_change_marks_and_dose_days(cast: Cast) -> None:
    course = treated(cast, "P-001")
    madrs(cast, course, 2, DOSED + days(20), "", by="therapist")
    ada = cast.actor("ada", at=AT)
    with acting(ada):
        found = queries.course_outcomes(ada, course.public_id, now=AT)
    # A rating by somebody else is a line of its own.
    assert [(line.by, [one.total for one in line.scores]) for line in found.lines] == [
        ("independent_rater", [30, 10]),
        ("therapist", [20]),
    ]
    last = found.lines[0].scores[-1]
    assert last.since_first == -20 and all(seen.improved for seen in last.changes)
    assert found.dose_days == [DOSED + timedelta(minutes=10)]
    assert {state.code: state.reach.value for state in found.states}["remission"] == "reached"
    text = page(cast, "ada", reverse("sessions:course_outcomes", args=(cast.clinic.slug, course.public_id)))
    assert "dosemark" in text and "-20" in text and "style=" not in text


def test_scores_stand_beside_what_they_mean_with_cut_point_and_source(cast: Cast) -> None:
    course = treated(cast, "P-001", after=1)  # 30 to 10
    for name in ("course_outcomes", "chart"):
        text = page(cast, "ada", reverse(f"sessions:{name}", args=(cast.clinic.slug, course.public_id)))
        read_out = re.search(r'<desc id="trend-d[^"]*">(.*?)</desc>', text, re.DOTALL)
        assert read_out is not None
        assert "Cut-point ≤ 10: At or below 10: remission in trials (" in read_out[1]
        assert re.search(r'<line class="limit-in"', text)
        last = re.search(r"The last total, 10, means:(.*?)</ul>", text, re.DOTALL)
        assert last is not None
        assert re.search(
            r"Mild <b[^>]*>7–19</b>\s*<span class=\"sub\"><span class=\"small\">[^<]+\d{4}", last[1]
        )
        assert "At or below 10: remission in trials" in last[1]
        assert "At or above 31" not in last[1]
        assert text.count('Moderate <b class="num nowrap">') == 1, (
            "the first total’s level, in the table of numbers"
        )


def test_of_what_hangs_on_single_items_the_words_stand_beside_a_score_and_no_codes_of_items() -> None:
    caps = instrument_of("caps5")
    answers = {item.code: item.options[-1].value if item.options else 2 for item in caps.items}
    found = {row.label: row.text for row in shown(caps, total=80, answers=answers)}
    assert any(label.startswith("Symptom criteria met") for label in found)
    assert set(found.values()) == {""}, found
    mild = {row.label: row.text for row in shown(instrument_of("phq9"), total=5, answers={})}
    assert mild["Mild"] == "5–9" and all(mild.values())


def test_a_threshold_that_was_only_recalled_is_shown_as_unverified(cast: Cast) -> None:
    course = treated(cast, "P-001")
    for at, each in ((START + days(3), 2), (START + days(60), 1)):
        answers = tuple((item.code, each) for item in instrument_of("phq9").items)
        value = AssessmentAnswered(
            instrument="phq9", by="patient", answers=answers, total=each * 9, mode=Mode.LINK
        )
        put(cast, course, value, at)
    text = page(cast, "ada", reverse("sessions:course_outcomes", args=(cast.clinic.slug, course.public_id)))
    assert re.search(
        r'better: Meaningful change <b[^>]*>± 5</b> <span class="tag tag-warn">unverified</span>', text
    )


def test_as_many_questions_for_many_courses_as_for_few(cast: Cast) -> None:
    def counted() -> int:
        with CaptureQueriesContext(connection) as asked:
            own(cast)
        return len(asked)

    treated(cast, "P-001")
    counted()
    few = counted()
    for number in range(2, 9):
        treated(cast, f"P-{number:03}")
    assert counted() == few and own(cast)["response"].tally.assessed == 8
