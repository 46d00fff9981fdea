"""A supervisor's review: sent, oldest first, returned with comments on passages, sent again with what changed
since, co-signed, and gone from everybody's list."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow, Refusal
from clinic.ids import uuid7
from clinic.models import Clinic
from clinic.permissions import Role
from clinic.rules.wall_time import day_of
from sessions.models import (
    Course,
    FactRecord,
    PassageComment,
    RecordSubmission,
    SessionRecord,
    SignatureRecord,
)
from sessions.models.notes import NoteDraft
from sessions.operations.correcting import amend_fact
from sessions.operations.entering import log_session
from sessions.operations.errors import confirm_error, mark_session
from sessions.operations.note_authors import name_contributor
from sessions.operations.notes import start_draft, write_note
from sessions.operations.reviews import comment_on_passage, return_record, send_record_for_review
from sessions.operations.signing import sign_record
from sessions.queries.reviews import commented, comments_to_author, returned_to, review, review_queue
from sessions.queries.today import today
from sessions.rules.codec import to_json
from sessions.rules.facts import ChecklistTicked
from tests.support.cast import (
    PASSWORD,
    START,
    Cast,
    days,
    enrol,
    fill_chart,
    license_person,
    make_cast,
    make_person,
    publish,
)
from tests.support.second_version import second_text

pytestmark = pytest.mark.django_db

AT = START + days(7)
HOUR = timedelta(hours=1)
TEXT = "We talked about fear and about hope.\n\nHe slept badly."


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    found = enrol(cast)
    fill_chart(cast, found, now=START)
    return found


@pytest.fixture
def record(cast: Cast, course: Course) -> SessionRecord:
    return held(cast, course)


def held(
    cast: Cast, course: Course, *, key: str = "preparation.1", by: str = "ada", at: datetime = AT
) -> SessionRecord:
    return log_session(
        actor=cast.actor(by, at=at),
        course_id=course.public_id,
        key=key,
        started_at=at - 2 * HOUR,
        ended_at=at - HOUR,
        staff=[cast.id("ben")],
        note=TEXT,
        now=at,
    )


def send(cast: Cast, record: SessionRecord, *, by: str = "ada", at: datetime = AT) -> RecordSubmission:
    return send_record_for_review(actor=cast.actor(by, at=at), record_id=record.public_id, now=at)


def sign(cast: Cast, record: SessionRecord, name: str, meaning: str = "author", at: datetime = AT) -> None:
    sign_record(actor=cast.actor(name, at=at), record_id=record.public_id, meaning=meaning, now=at)


def say(
    cast: Cast, submission: RecordSubmission, quote: str, text: str, *, by: str = "ivo", praise: bool = False
) -> PassageComment:
    return comment_on_passage(
        actor=cast.actor(by, at=AT),
        submission_id=submission.public_id,
        note_id=submission.session_record.notes.earliest("pk").public_id,
        quote=quote,
        text=text,
        praise=praise,
        now=AT,
    )


def back(cast: Cast, submission: RecordSubmission, words: str = "", *, by: str = "ivo") -> RecordSubmission:
    return return_record(actor=cast.actor(by, at=AT), submission_id=submission.public_id, words=words, now=AT)


def queue(cast: Cast, name: str, *, now: datetime = AT) -> list[str]:
    rows, _more = review_queue(cast.actor(name, at=now), now=now)
    return [str(row.submission_id) for row in rows]


# --- sent ---


def test_an_author_sends_a_record_once_and_nobody_else_does(cast: Cast, record: SessionRecord) -> None:
    refusals: list[tuple[str, type[Refusal]]] = [
        ("dov", Forbidden), ("carla", Forbidden), ("eve", Forbidden), ("gil", NotFound),
    ]  # fmt: skip
    for name, refused in refusals:
        with pytest.raises(refused):
            send(cast, record, by=name)
    assert send(cast, record).pk == send(cast, record).pk == send(cast, record, by="ben").pk


def test_a_signed_record_that_the_clinic_wants_co_signed_waits_by_itself_until_the_clinics_deadline(
    cast: Cast, course: Course, record: SessionRecord
) -> None:
    sign(cast, record, "ada")
    assert not RecordSubmission.objects.exists(), "this clinic has not asked for it"
    Clinic.objects.filter(pk=cast.clinic.pk).update(review_within_days=3, reviewed_kinds=["preparation"])
    later = held(cast, course, key="preparation.2", at=AT + days(7))
    sign(cast, later, "ada", at=AT + days(7))
    submission = RecordSubmission.objects.get(session_record=later)
    zone = cast.clinic.zone_info
    assert submission.due_at is not None
    assert day_of(submission.due_at, zone) == day_of(AT + days(10), zone)
    (row,), _more = review_queue(cast.actor("ivo", at=AT), now=AT + days(12))
    assert (row.overdue, row.days_waiting) == (True, 5)
    Clinic.objects.filter(pk=cast.clinic.pk).update(reviewed_kinds=["dosing"])
    other = held(cast, course, key="preparation.3", at=AT + days(14))
    sign(cast, other, "ada", at=AT + days(14))
    assert not RecordSubmission.objects.filter(session_record=other).exists()


def test_the_protocols_deadline_goes_before_the_clinics(cast: Cast) -> None:
    text = second_text(reconsent=False)
    within = "    co_signed_within: {value: 2 d, clinic_choice: while the session is fresh}\n"
    asks = text.replace("    code: preparation\n", f"    code: preparation\n{within}", 1)
    assert asks != text
    cast.version = publish(cast, asks)
    course = enrol(cast)
    fill_chart(cast, course, now=START)
    Clinic.objects.filter(pk=cast.clinic.pk).update(review_within_days=30)
    sign(cast, held(cast, course), "ada")
    due = RecordSubmission.objects.get().due_at
    zone = cast.clinic.zone_info
    assert due is not None and day_of(due, zone) == day_of(AT + days(2), zone)


def attest(cast: Cast, record: SessionRecord) -> None:
    """Ada names Ben as contributor and signs, then Ben attests his part."""
    ada = cast.actor("ada", at=AT)
    name_contributor(actor=ada, record_id=record.public_id, person_id=cast.id("ben"), now=AT)
    sign(cast, record, "ada")
    sign(cast, record, "ben", "contributor")


def test_a_contributor_who_attests_their_part_settles_no_review(cast: Cast, record: SessionRecord) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(review_within_days=3)
    attest(cast, record)
    (waiting,) = RecordSubmission.objects.all()
    assert (waiting.outcome, waiting.settled_at) == ("", None)
    assert queue(cast, "ivo") == queue(cast, "carla") == [str(waiting.public_id)]
    sign(cast, record, "ivo", "reviewer")
    waiting.refresh_from_db()
    assert (waiting.outcome, waiting.settled_by) == ("co_signed", cast.people["ivo"])
    assert queue(cast, "ivo") == queue(cast, "carla") == []


@pytest.mark.parametrize("licensed", [False, True])
def test_a_part_of_somebody_unlicensed_waits_by_itself_though_the_clinic_asks_for_no_review(
    cast: Cast, record: SessionRecord, licensed: bool
) -> None:
    if licensed:
        license_person(cast, "ben", now=AT)
    attest(cast, record)
    assert len(queue(cast, "ivo")) == (0 if licensed else 1)


# --- the queue ---


def test_the_queue_is_oldest_first_and_ones_own_work_is_absent(cast: Cast, course: Course) -> None:
    membership = cast.people["carla"].memberships.get(clinic=cast.clinic)
    membership.roles = [Role.SUPERVISOR.value, Role.THERAPIST.value]
    membership.save()
    one, two, three = (
        held(cast, course, key=f"preparation.{count}", by=by, at=AT + days(7 * (count - 1)))
        for count, by in ((1, "ada"), (2, "carla"), (3, "ada"))
    )
    now = AT + days(20)
    newest = send(cast, three, at=now)
    oldest = send(cast, one, at=now - days(3))
    carlas = send(cast, two, by="carla", at=now - days(1))
    assert queue(cast, "ivo", now=now) == [str(each.public_id) for each in (oldest, carlas, newest)]
    assert queue(cast, "carla", now=now) == [str(each.public_id) for each in (oldest, newest)]
    for name in ("ada", "ben", "dov", "eve", "gil", "finn"):
        assert queue(cast, name, now=now) == []
    first, more = review_queue(cast.actor("ivo", at=now), now=now, limit=2)
    rest, end = review_queue(cast.actor("ivo", at=now), now=now, after=more, limit=2)
    assert [row.submission_id for row in (*first, *rest)] == [
        each.public_id for each in (oldest, carlas, newest)
    ]
    assert end is None


def test_the_queue_takes_the_same_number_of_queries_however_much_waits(cast: Cast, course: Course) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            review_queue(cast.actor("ivo", at=AT), now=AT)
            returned_to(cast.actor("ada", at=AT))
        return len(queries)

    send(cast, held(cast, course))
    asked()  # definitions are kept
    before = asked()
    for count in (2, 3):
        at = AT + days(7 * count)
        send(cast, held(cast, course, key=f"preparation.{count}", at=at), at=at)
    assert asked() == before


# --- returned, sent again, co-signed ---


def test_returned_with_comments_on_passages_it_stands_on_its_authors_today_beside_the_passage(
    cast: Cast, record: SessionRecord
) -> None:
    submission = send(cast, record)
    say(cast, submission, "about fear and about hope", "Which fears?")
    say(cast, submission, "He slept badly.", "Good that you asked.", praise=True)
    assert comments_to_author(record) == [], "not before the supervisor has answered"
    back(cast, submission, "Two things.")
    ada = cast.actor("ada", at=AT)
    (row,) = today(ada, now=AT).returned
    assert (row.record_id, row.by, row.words, row.comments) == (record.public_id, "Ivo Ivy", "Two things.", 2)
    (note,) = commented(list(record.notes.all()), comments_to_author(record))
    beside = [[(one.text, one.praise) for one in passage.comments] for passage in note.passages]
    assert beside == [[("Which fears?", False)], [("Good that you asked.", True)]]
    assert queue(cast, "ivo") == queue(cast, "carla") == []


def test_sent_again_it_shows_only_what_changed_since_the_last_look(cast: Cast, record: SessionRecord) -> None:
    first = send(cast, record)
    assert review(cast.actor("ivo", at=AT), first.public_id, now=AT).changed is None
    back(cast, first, "Say more.")
    later = AT + HOUR
    write_note(
        actor=cast.actor("ada", at=later), record_id=record.public_id, text="Fear of dying.", now=later
    )
    again = send(cast, record, at=later)
    assert today(cast.actor("ada", at=later), now=later).returned == []
    seen = review(cast.actor("ivo", at=later), again.public_id, now=later)
    assert seen.changed is not None and seen.last_words == "Say more."
    assert [(one.what, one.kind, one.pieces) for one in seen.changed] == [
        ("note", "new", (("new", "Fear of dying."),))
    ]


def test_a_fact_put_right_since_is_shown_as_it_was_and_as_it_stands(
    cast: Cast, record: SessionRecord
) -> None:
    later = AT + HOUR

    def ticked(done: bool) -> ChecklistTicked:
        return ChecklistTicked(
            record_id=record.public_id, item="intentions", done=done, person_id=cast.people["ada"].pk
        )

    tick = FactRecord.objects.create(
        clinic=record.clinic,
        course=record.course,
        session_record=record,
        kind="checklist_ticked",
        occurred_at=AT - HOUR,
        aware_at=AT,
        recorded_at=AT,
        observed_by=cast.people["ada"],
        entered_by=cast.people["ada"],
        source="staff",
        value=to_json(ticked(True)),
        protocol_version=record.protocol_version,
    )
    back(cast, send(cast, record), "Was that done?")
    amended = tick.public_id
    for minutes, done in ((1, True), (2, False)):
        at = later + timedelta(minutes=minutes)
        amended = amend_fact(
            actor=cast.actor("ada", at=at),
            fact_id=amended,
            value=ticked(done),
            occurred_at=AT - HOUR,
            reason="looked it up",
            now=at,
        ).public_id
    again = send(cast, record, at=later + HOUR)
    seen = review(cast.actor("ivo", at=later + HOUR), again.public_id, now=later + HOUR)
    assert seen.changed is not None
    assert [(one.what, one.kind, one.pieces) for one in seen.changed] == [
        (
            "fact",
            "changed",
            (("gone", "09:00 Intentions · done"), ("same", " "), ("new", "09:00 Intentions · not done")),
        )
    ]


def test_when_one_supervisor_co_signs_it_leaves_everyones_list(cast: Cast, record: SessionRecord) -> None:
    send(cast, record)
    assert len(queue(cast, "ivo")) == len(queue(cast, "carla")) == 1
    sign(cast, record, "ada")
    sign(cast, record, "ivo", "reviewer")
    assert queue(cast, "ivo") == queue(cast, "carla") == []
    assert RecordSubmission.objects.get().outcome == "co_signed"
    with pytest.raises(NotNow, match="co-signed this record"):
        send(cast, record)


def test_two_supervisors_at_once_get_one_answer(cast: Cast, record: SessionRecord) -> None:
    submission = send(cast, record)
    assert back(cast, submission, "More.").pk == back(cast, submission, "More.").pk
    with pytest.raises(NotNow, match="Ivo Ivy has answered"):
        back(cast, submission, "Less.", by="carla")
    with pytest.raises(NotNow):
        say(cast, submission, "He slept badly.", "Why?", by="carla")


def test_a_session_entered_in_error_waits_for_nobody(cast: Cast, record: SessionRecord) -> None:
    send(cast, record)
    mark = mark_session(
        actor=cast.actor("ada", at=AT), record_id=record.public_id, reason="wrong chart", now=AT
    )
    confirm_error(actor=cast.actor("ivo", at=AT), mark_id=mark.public_id, now=AT)
    assert queue(cast, "carla") == []
    assert RecordSubmission.objects.get().outcome == "withdrawn"


def test_a_comment_quotes_what_stands_in_the_note_and_a_return_says_something(
    cast: Cast, record: SessionRecord
) -> None:
    submission = send(cast, record)
    with pytest.raises(BadInput):
        say(cast, submission, "words of nobody", "What?")
    with pytest.raises(Incomplete):
        say(cast, submission, "He slept badly.", " ")
    with pytest.raises(Incomplete):
        back(cast, submission)


@pytest.mark.parametrize(("name", "refused"), [("ada", Forbidden), ("ben", Forbidden), ("gil", NotFound)])
def test_nobody_without_the_right_returns_or_comments(
    cast: Cast, record: SessionRecord, name: str, refused: type[Refusal]
) -> None:
    submission = send(cast, record)
    with pytest.raises(refused):
        back(cast, submission, "Fine.", by=name)
    with pytest.raises(refused):
        say(cast, submission, "He slept badly.", "Fine.", by=name)


def test_what_was_said_and_answered_is_changed_by_no_sql(cast: Cast, record: SessionRecord) -> None:
    submission = send(cast, record)
    say(cast, submission, "He slept badly.", "Why?")
    back(cast, submission)
    for statement in (
        "UPDATE therapy_sessions_recordsubmission SET words = 'x'",
        "UPDATE therapy_sessions_recordsubmission SET outcome = '', settled_at = NULL, settled_by_id = NULL",
        "DELETE FROM therapy_sessions_recordsubmission",
        "UPDATE therapy_sessions_passagecomment SET text = 'x'",
        "DELETE FROM therapy_sessions_passagecomment",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


# --- the pages and the API ---


def test_by_the_pages_it_is_sent_returned_and_shown_beside_the_passage(
    client: Client, cast: Cast, record: SessionRecord
) -> None:
    base = f"/c/{cast.clinic.slug}/"
    client.force_login(cast.people["ada"])
    assert "Send for review" in client.get(f"{base}sessions/{record.public_id}/").text
    assert client.post(f"{base}sessions/{record.public_id}/send/").status_code == 302
    submission = RecordSubmission.objects.get()
    address = f"{base}reviews/{submission.public_id}/"
    assert "Nothing waits for you" in client.get(f"{base}reviews/").text
    assert "Return with comments" not in client.get(address).text
    client.force_login(cast.people["ivo"])
    assert address in client.get(base).text and address in client.get(f"{base}reviews/").text
    assert "Return with comments" in client.get(address).text
    note = str(record.notes.get().public_id)
    given = {"note": note, "passage": "He slept badly.", "text": "How badly?"}
    assert client.post(f"{address}comment/", {**given, "quote": "not there"}).status_code == 400
    assert client.post(f"{address}comment/", given).status_code == 302
    assert client.post(f"{address}return/", {"words": ""}).status_code == 302
    client.force_login(cast.people["ada"])
    assert "Came back with comments" in client.get(base).text
    page = client.get(f"{base}sessions/{record.public_id}/").text
    assert page.index("He slept badly.") < page.index("How badly?")
    assert client.post(f"{base}sessions/{record.public_id}/sign/", {"password": PASSWORD}).status_code == 302
    assert client.post(f"{base}sessions/{record.public_id}/send/").status_code == 302
    again = RecordSubmission.objects.latest("pk")
    client.force_login(cast.people["ivo"])
    address = f"{base}reviews/{again.public_id}/"
    assert "Changed since you last looked" in client.get(address).text
    assert client.post(f"{address}co-sign/", {"password": "wrong"}).status_code == 400
    assert client.post(f"{address}co-sign/", {"password": PASSWORD}).status_code == 302
    assert "Nothing waits for you" in client.get(f"{base}reviews/").text


def test_one_press_on_a_return_leads_to_the_draft_with_the_comments_beside_it_and_back_with_what_changed(
    client: Client, cast: Cast, record: SessionRecord
) -> None:
    submission = send(cast, record)
    say(cast, submission, "He slept badly.", "How badly?")
    back(cast, submission)
    base = f"/c/{cast.clinic.slug}/sessions/{record.public_id}/"
    client.force_login(cast.people["ben"])
    assert "Go through the comments" not in client.get(base).text, "the note is not his"
    client.force_login(cast.people["ada"])
    page = client.get(base).text
    assert "Go through the comments" in page
    first = record.notes.get()
    assert f'name="amends" value="{first.public_id}"' in page.partition("Go through the comments")[0]
    pressed = client.post(f"{base}note/start/", {"amends": str(first.public_id)})
    draft = NoteDraft.objects.get()
    assert (pressed.status_code, draft.amends) == (302, first)
    page = client.get(pressed.headers["Location"].partition("#")[0]).text
    assert page.count("We talked about fear and about hope.") == 1, "in its field, and nowhere else"
    assert page.index('for="block-note"') < page.index("How badly?") < page.index('id="block-note"')
    assert "Go through the comments" not in page and "Save and send again" in page
    typed = {"version": "0", "block.note": TEXT.replace("badly", "for two hours"), "send": "1"}
    assert client.post(f"{base}note/{draft.public_id}/", typed).status_code == 302
    again = RecordSubmission.objects.get(settled_at=None)
    (change,) = review(cast.actor("ivo", at=AT), again.public_id, now=AT).changed or ()
    assert [piece for piece in change.pieces if piece[0] != "same"] == [
        ("gone", "badly."), ("new", "for two hours."),
    ]  # fmt: skip
    client.force_login(cast.people["ivo"])
    shown = client.get(f"/c/{cast.clinic.slug}/reviews/{again.public_id}/").text
    assert "Changed since you last looked" in shown and "for two hours." in shown


def test_a_signed_record_that_came_back_is_answered_in_an_addendum_and_stays_as_it_was_signed(
    client: Client, cast: Cast, record: SessionRecord
) -> None:
    sign(cast, record, "ada")
    first = record.notes.get()
    with pytest.raises(NotNow):
        start_draft(
            actor=cast.actor("ada", at=AT),
            record_id=record.public_id,
            template="",
            amends=first.public_id,
            now=AT,
        )
    submission = send(cast, record)
    say(cast, submission, "He slept badly.", "How badly?")
    back(cast, submission)
    with pytest.raises(NotNow):
        start_draft(
            actor=cast.actor("ben", at=AT),
            record_id=record.public_id,
            template="",
            amends=first.public_id,
            now=AT,
        )
    base = f"/c/{cast.clinic.slug}/sessions/{record.public_id}/"
    client.force_login(cast.people["ada"])
    assert "Answer in an addendum" in client.get(base).text
    assert client.post(f"{base}note/start/", {"amends": str(first.public_id)}).status_code == 302
    draft = NoteDraft.objects.get()
    page = client.get(f"{base}?as=note").text
    assert page.index("He slept badly.") < page.index("How badly?") < page.index('id="block-addendum"')
    typed = {"version": "0", "block.addendum": "Two hours.", "send": "1"}
    assert client.post(f"{base}note/{draft.public_id}/", typed).status_code == 302
    note = record.notes.get(addendum=True)
    assert (note.amends, "Two hours." in note.text) == (None, True)
    assert SignatureRecord.objects.authors_standing().filter(session_record=record).exists()
    again = RecordSubmission.objects.get(settled_at=None)
    changed = review(cast.actor("ivo", at=AT), again.public_id, now=AT).changed or ()
    assert [(one.what, one.kind, one.id) for one in changed] == [("addendum", "new", str(note.public_id))]


def test_a_return_answered_with_nothing_more_to_say_is_sent_again_without_an_empty_addendum(
    cast: Cast, record: SessionRecord
) -> None:
    sign(cast, record, "ada")
    back(cast, send(cast, record), "Well done.")
    ada = cast.actor("ada", at=AT)
    start_draft(
        actor=ada, record_id=record.public_id, template="", amends=record.notes.get().public_id, now=AT
    )
    send(cast, record)
    assert record.notes.count() == 1


def test_by_the_api_it_is_sent_commented_on_and_returned(cast: Cast, record: SessionRecord) -> None:
    base = f"/api/v1/clinics/{cast.clinic.slug}/"
    api = APIClient()
    api.force_login(cast.people["ada"])
    body = {"id": str(uuid7())}
    address = f"{base}sessions/{record.public_id}/submissions"
    assert [api.post(address, body, format="json").status_code for _ in range(2)] == [201, 200]
    api.force_login(cast.people["ivo"])
    (row,) = api.get(f"{base}reviews").json()["items"]
    comment = {
        "id": str(uuid7()),
        "note_id": str(record.notes.get().public_id),
        "quote": "slept badly",
        "text": "How badly?",
    }
    review_address = f"{base}reviews/{row['id']}"
    assert api.post(f"{review_address}/comments", comment, format="json").status_code == 201
    assert api.post(f"{review_address}/return", {"words": ""}, format="json").json()["outcome"] == "returned"
    assert api.get(review_address).json()["outcome"] == "returned"
