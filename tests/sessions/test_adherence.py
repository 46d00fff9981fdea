"""Adherence by one definition: equal to a recount in plain SQL, for a course, a therapist, a pair, a version,
a period; and every number leads to its evidence in two clicks."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from clinic.actors import acting
from clinic.errors import Forbidden, NotFound
from clinic.models import Clinic, Person
from sessions.models import Course, CourseRequirement
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.refresh import refresh_due_courses
from sessions.queries import adherence, evidence
from sessions.queries.adherence import Asked, Total
from tests.sessions.web.door import client_of
from tests.support.cast import START, Cast, enrol, make_cast, publish
from tests.support.clinic_day import ClinicDay, addresses, make_day
from tests.support.departed import LATER, departed
from tests.support.second_version import second_text
from tests.support.simulated_clinic import simulate

pytestmark = pytest.mark.django_db

COURSES = 2000
NOW = START + timedelta(days=500)

# Judged anew from windows and what was settled when, not from the statuses that the sums read.
RECOUNT = """
WITH judged AS (
    SELECT r.*,
        r.settled_at BETWEEN r.opens_at AND r.closes_at AND r.status NOT IN ('not_done', 'overridden') AS met,
        least(r.settled_at, r.closes_at) AS due_at_last
    FROM therapy_sessions_courserequirement r
    WHERE r.clinic_id = %(clinic)s AND r.firm AND r.status <> 'withdrawn'
      AND (r.settled_at IS NOT NULL OR r.closes_at < %(now)s)
)
SELECT count(*) FILTER (WHERE met), count(*),
    coalesce(sum(weight) FILTER (WHERE met), 0), coalesce(sum(weight), 0)
FROM judged r
WHERE {narrowed}
"""


def recount(cast: Cast, narrowed: str = "true", **values: Any) -> tuple[int, int, Decimal, Decimal]:
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT.format(narrowed=narrowed), {"clinic": cast.clinic.pk, "now": NOW, **values})
        row = cursor.fetchone()
    assert row is not None
    return (row[0], row[1], row[2], row[3])


def numbers(total: Total) -> tuple[int, int, Decimal, Decimal]:
    return (total.met, total.came_due, total.met_weight, total.due_weight)


def asked(cast: Cast, asked: Asked, name: str = "carla") -> adherence.Summary:
    actor = cast.actor(name, at=NOW)
    with acting(actor):
        return adherence.summary(actor, asked, clinic=cast.clinic)


THERE = """EXISTS (SELECT 1 FROM therapy_sessions_careteammember m JOIN clinic_person p ON p.id = m.person_id
    WHERE m.course_id = r.course_id AND p.printed_name = %({name})s AND m.team_role IN {roles}
      AND m.from_at <= r.due_at_last AND (m.until_at IS NULL OR m.until_at > r.due_at_last))"""


def there(name: str, *roles: str) -> str:
    return THERE.format(name=name, roles="(" + ", ".join(f"'{role}'" for role in roles) + ")")


def test_every_number_equals_a_recount_in_plain_sql_on_a_simulated_clinic_of_two_thousand_courses() -> None:
    cast = make_cast()
    made = simulate(cast, courses=COURSES, now=NOW)
    everything = asked(cast, Asked())
    assert numbers(everything.total) == recount(cast)
    assert everything.total.came_due > 50_000 and 0 < everything.total.met < everything.total.came_due

    assert len(everything.kinds) == 8
    for kind in everything.kinds:
        assert numbers(kind.total) == recount(cast, "r.kind = %(kind)s", kind=kind.name), kind.name
    for cause, count in everything.causes.items():
        _met, due, *_weights = recount(cast, "NOT coalesce(met, false) AND r.cause = %(cause)s", cause=cause)
        assert count == due, cause
    assert sum(everything.causes.values()) == everything.total.departed
    (version,) = everything.versions
    assert numbers(version.total) == numbers(everything.total)

    for course in made[:20]:
        found = asked(cast, Asked(course=course.public_id)).total
        assert numbers(found) == recount(cast, "r.course_id = %(course)s", course=course.pk)

    first, last = date(2028, 2, 1), date(2028, 3, 31)
    begin, end = (
        datetime(2028, 2, 1, 5, tzinfo=UTC),
        datetime(2028, 4, 1, 4, tzinfo=UTC),
    )  # New York's midnights
    found = asked(cast, Asked(from_on=first, until_on=last)).total
    period = "r.due_at_last >= %(begin)s AND r.due_at_last < %(end)s"
    assert numbers(found) == recount(cast, period, begin=begin, end=end) and found.came_due

    supervisor = cast.actor("carla", at=NOW)
    with acting(supervisor):
        compared = adherence.comparison(supervisor, Asked(), clinic=cast.clinic)
        by_month = adherence.months(supervisor, Asked(), clinic=cast.clinic)
    assert [one.name for one in compared.therapists] == sorted(one.name for one in compared.therapists)
    assert len(compared.therapists) == 6 and len(compared.pairs) == 30
    for one in compared.therapists:
        said = recount(cast, there("name", "lead_therapist", "co_therapist"), name=one.name)
        assert numbers(one.total) == said, one.name
        person = Person.objects.get(printed_name=one.name)
        assert numbers(asked(cast, Asked(therapist=person.public_id)).total) == said, one.name
    for pair in compared.pairs:
        lead, second = pair.name.split(", ")
        both = f"{there('lead', 'lead_therapist')} AND {there('co', 'co_therapist')}"
        assert numbers(pair.total) == recount(cast, both, lead=lead, co=second), pair.name
    assert compared.nobody.came_due > 0
    assert compared.nobody.came_due + compared.all_together.came_due == everything.total.came_due
    assert sum(total.came_due for _month, total in by_month) == everything.total.came_due
    assert sum(total.met for _month, total in by_month) == everything.total.met


@pytest.mark.parametrize(
    ("met", "came_due", "met_weight", "due_weight", "another"),
    [
        pytest.param(1, 2, "1", "2", False, id="each weighs one"),
        pytest.param(1, 2, "1.5", "2", True, id="one and a half met, a half not: the sums are the same"),
        pytest.param(2, 3, "4", "5", True, id="two and two met, one not"),
        pytest.param(1, 2, "3", "6", False, id="each weighs three: a half either way"),
        pytest.param(2, 2, "4", "4", False, id="all of it met"),
        pytest.param(0, 2, "0", "5", False, id="none of it met"),
        pytest.param(0, 0, "0", "0", False, id="nothing came due"),
    ],
)
def test_a_share_by_weight_is_shown_where_it_is_another_than_by_counting(
    met: int, came_due: int, met_weight: str, due_weight: str, another: bool
) -> None:
    total = adherence.Total(
        met=met, came_due=came_due, met_weight=Decimal(met_weight), due_weight=Decimal(due_weight)
    )
    assert total.weighted is another


def test_what_the_protocol_calls_more_important_weighs_more_in_every_sum_of_adherence(db: None) -> None:
    cast = make_cast()
    plain = departed(cast, "P-001")
    text = second_text(reconsent=False)
    thrice = text.replace("    code: preparation\n", "    code: preparation\n    weight: 3\n", 1)
    assert thrice != text
    cast.version = publish(cast, thrice)
    course = departed(cast, "P-002")
    refresh_due_courses(now=LATER)
    # By hand: the rule of preparation asked seven things of each until then. Of three sessions one was in
    # time, one late, one missed; at the two held two people were there, and no checklist was ticked.
    theirs, mine = Asked(course=plain.public_id), Asked(course=course.public_id)
    twin, found = asked(cast, theirs).total, asked(cast, mine).total
    assert (found.met, found.came_due) == (twin.met, twin.came_due), "what counts is the same"
    assert (twin.met_weight, twin.due_weight) == (
        Decimal(twin.met),
        Decimal(twin.came_due),
    ) and not twin.weighted
    assert (found.met_weight, found.due_weight) == (Decimal(twin.met + 2 * 3), Decimal(twin.came_due + 2 * 7))
    assert found.weighted and found.ratio != twin.ratio
    course.refresh_from_db()
    assert (course.met_weight, course.due_weight) == (found.met_weight, found.due_weight), "the engine's sum"
    # In plain SQL, by the protocol's word and not by the column that the sums read.
    weighed = """SELECT count(*) FILTER (WHERE r.status = 'met'), count(*),
        sum(r.weighs) FILTER (WHERE r.status = 'met'), sum(r.weighs)
    FROM (SELECT *, came_due_at AS due_at_last,
            CASE WHEN rule = 'preparation' AND course_id = %(heavy)s THEN 3 ELSE 1 END AS weighs
        FROM therapy_sessions_courserequirement
        WHERE clinic_id = %(clinic)s AND came_due_at IS NOT NULL AND status <> 'withdrawn') r
    WHERE {narrowed}"""
    ada = Person.objects.get(printed_name="Ada Alder").public_id
    by_ada = there("name", "lead_therapist", "co_therapist")
    for narrowed, where in (
        (Asked(), "true"),
        (mine, "r.course_id = %(heavy)s"),
        (Asked(version=cast.version.public_id), "r.course_id = %(heavy)s"),
        (Asked(kind="session"), "r.kind = 'session'"),
        (Asked(therapist=ada), by_ada),
    ):
        with connection.cursor() as cursor:
            cursor.execute(
                weighed.format(narrowed=where),
                {"clinic": cast.clinic.pk, "heavy": course.pk, "name": "Ada Alder"},
            )
            assert cursor.fetchone() == numbers(asked(cast, narrowed).total), narrowed
    Clinic.objects.filter(pk=cast.clinic.pk).update(small_number=1)
    client = Client()
    client.force_login(cast.people["carla"])
    page = client.get(f"{reverse('sessions:adherence', args=['alder'])}?course={course.public_id}")
    share = round(100 * found.met_weight / found.due_weight)
    assert f"<b>{share} %</b>by the weights that the protocol gives" in page.content.decode()


def test_the_sums_of_the_engine_and_of_the_pages_are_one(db: None) -> None:
    day = make_day()
    for course in Course.objects.all():
        found = asked(day.cast, Asked(course=course.public_id)).total
        assert (found.met_weight, found.due_weight) == (course.met_weight, course.due_weight)
    total = Course.objects.aggregate(met=Sum("met_weight"), due=Sum("due_weight"))
    found = asked(day.cast, Asked()).total
    assert (found.met_weight, found.due_weight) == (total["met"], total["due"]) and found.came_due > 0


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


def test_a_number_leads_to_its_evidence_in_two_clicks(day: ClinicDay) -> None:
    client = client_of(day, "carla")
    page = client.get(addresses(day)["adherence"]).content.decode()
    rows = next(
        link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', page) if "kind=session" in link
    )
    listed = client.get(rows)
    shown = listed.context["rows"]
    met = CourseRequirement.objects.filter(kind="session", came_due_at__isnull=False, firm=True)
    assert len(shown) == met.count() > 0
    row = next(row for row, _cause in shown if row.status == "met")
    detail = client.get(f"{addresses(day)['adherence']}rows/{row.id}/")
    assert detail.status_code == 200 and len(detail.context["item"].evidence) == row.evidence > 0
    assert f"rows/{row.id}/" in listed.content.decode()


def test_a_therapist_sees_the_numbers_of_their_own_patients_and_nobody_beside_nobody(day: ClinicDay) -> None:
    gil = day.cast.actor("gil", at=day.now)
    with acting(gil):
        assert adherence.summary(gil, Asked(), clinic=day.cast.clinic).total.came_due == 0
        with pytest.raises(Forbidden):
            adherence.comparison(gil, Asked(), clinic=day.cast.clinic)
        row = CourseRequirement.objects.filter(came_due_at__isnull=False).first()
        assert row is not None
        with pytest.raises(NotFound):
            evidence.requirement(gil, row.public_id)
    client = client_of(day, "ada")
    assert client.get(f"{addresses(day)['adherence']}therapists/").status_code == 403
    page = client.get(addresses(day)["adherence"])
    assert page.context["total"].total.came_due > 0 and "Ben Birch" not in page.content.decode()
    # A hand-written address compares nobody either.
    ben = day.cast.id("ben")
    assert client.get(f"{addresses(day)['adherence']}?therapist={ben}").context["total"].total.came_due > 0


def test_small_numbers_show_no_percentage_and_the_clinic_says_what_is_small(day: ClinicDay) -> None:
    client = client_of(day, "carla")
    day.cast.clinic.small_number = 10_000
    day.cast.clinic.save(update_fields=["small_number"])
    page = client.get(addresses(day)["adherence"])
    assert page.context["total"].percent is None and "small numbers mislead" in page.content.decode()
    assert all(kind.percent is None for kind in page.context["kinds"])
    day.cast.clinic.small_number = 1
    day.cast.clinic.save(update_fields=["small_number"])
    total = client.get(addresses(day)["adherence"]).context["total"]
    assert total.percent is not None and total.low <= total.percent <= total.high


def test_the_funnel_and_the_months_are_drawn_and_said_in_a_table(day: ClinicDay) -> None:
    client = client_of(day, "carla")
    for name in ("therapists", "time"):
        day.cast.clinic.small_number = 10_000
        day.cast.clinic.save(update_fields=["small_number"])
        page = client.get(f"{addresses(day)['adherence']}{name}/")
        assert page.context["plot"] is None and "<table>" in page.text and "too few" in page.text
        assert "outside" not in page.text.split("<table>")[1]
        day.cast.clinic.small_number = 1
        day.cast.clinic.save(update_fields=["small_number"])
        page = client.get(f"{addresses(day)['adherence']}{name}/")
        text = page.content.decode()
        assert page.status_code == 200 and "<svg" in text and "style=" not in text
        assert page.context["plot"].spots and "<table>" in text
    names = [
        one.name for one in client.get(f"{addresses(day)['adherence']}therapists/").context["therapists"]
    ]
    assert names == ["Ada Alder", "Ben Birch"]


@pytest.mark.parametrize(("name", "order"), [("Ada Alder", [0, 1, 2]), ("Zoe Alder", [2, 0, 1])])
def test_therapists_stand_in_the_order_of_their_names_however_much_they_met_and_in_no_league_table(
    db: None, name: str, order: list[int]
) -> None:
    """Of three of whom one met more than the others, on the page, in the funnel's table and in the file."""
    cast = make_cast()
    departed(cast, "P-001")
    idle = enrol(cast, "P-002")
    change_care_team(
        actor=cast.actor("eve"),
        course_id=idle.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=START,
    )
    Person.objects.filter(pk=cast.people["ada"].pk).update(printed_name=name)
    Course.objects.update(look_again_at=LATER)
    refresh_due_courses(now=LATER)
    carla = cast.actor("carla", at=LATER)
    with acting(carla):
        found = adherence.comparison(carla, Asked(), clinic=cast.clinic)
    ratios = {one.name: one.total.met / one.total.came_due for one in found.therapists}
    names = [name, "Ben Birch", "Gil Grove"]
    assert ratios[name] > ratios["Ben Birch"] > ratios["Gil Grove"]
    assert [one.name for one in found.therapists] == sorted(names)
    assert [sorted(names).index(one) for one in names] == order
    pairs = [one.name for one in found.pairs]
    assert pairs == sorted(pairs) and len(pairs) == 2


def test_a_cell_of_the_grid_names_its_patient_its_visit_and_how_it_stands(day: ClinicDay) -> None:
    page = client_of(day, "carla").get(f"{addresses(day)['adherence']}?show=calls")
    text = page.content.decode()
    row, cells = page.context["rows"][0]
    cell, head = next((cell, head) for cell, head in cells if cell is not None)
    assert re.search(rf"{row.patient}, {re.escape(head.column.words)}: [a-z ,]+<", text)
    assert f"rows/{cell.id}/" in text
    sums = [head.column for head in page.context["heads"]]
    shown = [cell for _row, cells in page.context["rows"] for cell, _head in cells if cell]
    assert sum(one.done for one in sums) == sum(cell.status in ("met", "unsigned") for cell in shown) > 0
    assert any(cell.key.startswith("contact") or "contact" in cell.key for cell in shown)
