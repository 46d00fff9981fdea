"""A fidelity rating that was handed in in error: once a second person who knows neither the patient nor the
session has confirmed it, it counts nowhere, and its rater, or somebody else, rates anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import Forbidden, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Event
from clinic.permissions import Role
from sessions.models import EnteredInError, ErrorMark, FidelityFeedback, FidelityRating, FidelityReview
from sessions.operations.errors import confirm_error, mark_rating, mark_session
from sessions.operations.fidelity import assign_rater, give_feedback
from sessions.queries import fidelity as queries
from sessions.queries.errors import audit, error_mark, marks_to_settle
from tests.sessions.api.caller import calls
from tests.sessions.test_fidelity import AT, client_of, name_both, one_review, rate
from tests.support.cast import Cast, make_cast, make_person
from tests.support.clinic_day import set_clock
from tests.support.paper import files, text_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
WRONG = "I watched the video of another session"


@pytest.fixture
def cast() -> Cast:
    """Nora and Olga run reviews, and are on no care team."""
    cast = make_cast()
    for name, role in (
        ("Hana Hazel", Role.THERAPIST),
        ("Ivo Iris", Role.THERAPIST),
        ("Nora Nut", Role.SUPERVISOR),
        ("Olga Oak", Role.SUPERVISOR),
    ):
        cast.people[name.split()[0].lower()] = make_person(cast.clinic, name, role)
    return cast


@pytest.fixture
def review(cast: Cast) -> FidelityReview:
    """Rated by Gil and Hana."""
    found = one_review(cast)
    name_both(cast, found)
    rate(cast, found, "gil", 1)
    rate(cast, found, "hana", 2)
    set_clock(AT + 2 * HOUR)
    return found


def rating_of(cast: Cast, review: FidelityReview, name: str) -> FidelityRating:
    return FidelityRating.objects.get(review=review, rater=cast.people[name])


def asked(cast: Cast, rating: FidelityRating, by: str = "gil") -> ErrorMark:
    return mark_rating(actor=cast.actor(by, at=AT), rating_id=rating.public_id, reason=WRONG, now=AT)


def leaves(cast: Cast, review: FidelityReview, by: str = "nora") -> FidelityRating:
    rating = rating_of(cast, review, "gil")
    mark = asked(cast, rating)
    confirm_error(actor=cast.actor(by, at=AT + HOUR), mark_id=mark.public_id, now=AT + HOUR)
    return rating


def told(cast: Cast, review: FidelityReview) -> FidelityFeedback:
    return give_feedback(
        actor=cast.actor("nora", at=AT), review_id=review.public_id, text="You interrupt.", now=AT
    )


def url(name: str, *of: object) -> str:
    return reverse(f"sessions:{name}", args=["alder", *of])


# --- it counts nowhere ---


def test_agreement_result_and_feedback_are_without_it(cast: Cast, review: FidelityReview) -> None:
    told(cast, review)
    nora, ada = cast.actor("nora", at=AT), cast.actor("ada", at=AT)
    assert queries.agreements(queries.reviews(nora)) and queries.told(ada)
    leaves(cast, review)
    row = queries.review(nora, review.public_id)
    assert (row.ratings, row.result, row.feedback) == ([], None, [])
    assert row.raters == [("Gil Grove", False), ("Hana Hazel", True)] and row.again == ["Gil Grove"]
    assert list(queries.agreements(queries.reviews(nora))) == []
    assert list(queries.told(ada)) == [], "what was said of it has left with it"
    with pytest.raises(NotNow, match="Two ratings have to be in"):
        told(cast, review)


def test_its_rater_rates_anew_and_the_pair_counts_by_the_new_one(cast: Cast, review: FidelityReview) -> None:
    old = leaves(cast, review)
    [waiting] = [one for one in queries.my_ratings(cast.actor("gil", at=AT)) if not one.mine.submitted_at]
    assert waiting.review_id == review.public_id and waiting.other is None
    rate(cast, review, "gil", 2)
    found = queries.review(cast.actor("nora", at=AT), review.public_id)
    assert [one.scores for one in found.ratings] == [{"rapport": 2, "safety": 2}] * 2
    old.refresh_from_db()
    assert (old.scores, old.in_error) == ({"rapport": 1, "safety": 2}, True), "as it was handed in"
    again = give_feedback(
        actor=cast.actor("nora", at=AT + 2 * HOUR),
        review_id=review.public_id,
        text="You listen.",
        now=AT + 2 * HOUR,
    )
    [shown] = queries.told(cast.actor("ada", at=AT))
    assert [one.pk for one in shown.feedback] == [again.pk]


def test_somebody_else_is_named_in_their_place_where_who_runs_reviews_wants_so(
    cast: Cast, review: FidelityReview
) -> None:
    carla = cast.actor("carla", at=AT)
    with pytest.raises(NotNow, match="Two raters are named"):
        assign_rater(actor=carla, review_id=review.public_id, rater=cast.id("ivo"), now=AT)
    leaves(cast, review)
    page = client_of(cast, "carla").get(url("fidelity_review", review.public_id)).content.decode()
    assert "anew: the first was handed in in error" in page and "Name a rater" in page
    assign_rater(actor=carla, review_id=review.public_id, rater=cast.id("ivo"), now=AT)
    assert queries.review(carla, review.public_id).raters == [("Ivo Iris", False), ("Hana Hazel", True)]
    with pytest.raises(NotFound):
        rate(cast, review, "gil", 2)
    rate(cast, review, "ivo", 2)
    assert len(queries.review(carla, review.public_id).ratings) == 2


# --- two people, of whom nobody knows the session ---


def test_only_its_rater_says_so_and_only_of_one_that_is_in(cast: Cast, review: FidelityReview) -> None:
    rating = rating_of(cast, review, "gil")
    for name in ("hana", "carla", "ada"):
        with pytest.raises((Forbidden, NotFound)):
            asked(cast, rating, by=name)
    leaves(cast, review)
    with pytest.raises(NotNow, match="has not been handed in"):
        asked(cast, rating_of(cast, review, "gil"))


@pytest.mark.parametrize("name", ["gil", "ada", "ben", "carla", "dov", "hana"])
def test_who_rated_it_or_knows_the_patient_does_not_confirm_it(
    cast: Cast, review: FidelityReview, name: str
) -> None:
    mark = asked(cast, rating_of(cast, review, "gil"))
    actor = cast.actor(name, at=AT)
    with pytest.raises((Forbidden, NotFound)):
        confirm_error(actor=actor, mark_id=mark.public_id, now=AT)
    assert marks_to_settle(actor, now=AT)[0] == []
    assert not EnteredInError.objects.exists()


def test_it_waits_for_who_runs_reviews_and_knows_nobody_in_it(cast: Cast, review: FidelityReview) -> None:
    mark = asked(cast, rating_of(cast, review, "gil"))
    for name in ("nora", "olga"):
        [row] = marks_to_settle(cast.actor(name, at=AT), now=AT)[0]
        assert (row.mark_id, row.what, row.kind) == (mark.public_id, "rating", "preparation")
    mark_session(
        actor=cast.actor("ada", at=AT), record_id=review.session_record.public_id, reason="x", now=AT
    )
    confirm_error(
        actor=cast.actor("olga", at=AT),
        mark_id=ErrorMark.objects.get(session_record=review.session_record).public_id,
        now=AT,
    )
    assert marks_to_settle(cast.actor("nora", at=AT), now=AT)[0] == [], "it left with its session"
    with pytest.raises(NotNow, match="has left with it"):
        confirm_error(actor=cast.actor("nora", at=AT), mark_id=mark.public_id, now=AT)


def test_while_it_stands_alone_nobody_reads_it_by_way_of_its_mark(cast: Cast) -> None:
    review = one_review(cast)
    name_both(cast, review)
    rate(cast, review, "gil", 1)
    mark = asked(cast, rating_of(cast, review, "gil"))
    for name in ("ada", "carla", "dov"):
        with pytest.raises(Forbidden):
            error_mark(cast.actor(name, at=AT), mark.public_id, now=AT)
    _course, shown = audit(cast.actor("ada", at=AT), review.session_record.course.public_id, now=AT)
    assert shown == []
    seen = error_mark(cast.actor("nora", at=AT), mark.public_id, now=AT)
    assert seen.may_settle and seen.rating is not None and seen.rating.rater == "Gil Grove"


# --- it remains ---


def test_the_audit_and_the_certified_copy_keep_it(cast: Cast, review: FidelityReview) -> None:
    rating, course = leaves(cast, review), review.session_record.course
    carla = client_of(cast, "carla")
    _course, [kept] = audit(cast.actor("carla", at=AT), course.public_id, now=AT)
    assert kept.rating is not None and dict(kept.rating.items).values()
    page = carla.get(url("audit", course.public_id)).content.decode()
    assert "Fidelity rating: " in page and "From gil." in page and WRONG in page
    copy = carla.get(url("certified_copy", course.public_id)).json()["content"]
    [one] = copy["ratings_in_error"]
    assert (one["id"], one["scores"]) == (str(rating.public_id), {"rapport": 1, "safety": 2})
    assert one["entered_in_error"]["confirmed_by"] == "Nora Nut"
    assert "From gil." in text_of(carla.get(url("certified_copy_file", course.public_id, "pdf")).getvalue())
    rows = files(carla.get(url("certified_copy_file", course.public_id, "csv")).getvalue())
    assert [row["comment"] for row in rows["ratings_in_error"]] == ["From gil."]
    verbs = Event.objects.filter(course_id=course.pk).order_by("pk").values_list("verb", flat=True)
    assert "session_rated" in verbs and "record_entered_in_error" in verbs


def test_no_sql_takes_a_rating_out_or_changes_it_without_two_people(
    cast: Cast, review: FidelityReview
) -> None:
    rating = rating_of(cast, review, "gil")
    mark = asked(cast, rating)
    with pytest.raises(DatabaseError, match="only with a confirmed mark"), transaction.atomic():
        EnteredInError.objects.create(clinic=cast.clinic, mark=mark, rating=rating)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        FidelityRating.objects.filter(pk=rating.pk).update(in_error=True)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        FidelityRating.objects.filter(pk=rating.pk).update(comment="better")
    confirm_error(actor=cast.actor("nora", at=AT), mark_id=mark.public_id, now=AT)
    for change in ({"in_error": False}, {"comment": "better"}):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            FidelityRating.every.filter(pk=rating.pk).update(**change)


# --- pages, and the API ---


def test_by_the_pages_a_rater_marks_it_without_learning_whose_session_it_is(
    cast: Cast, review: FidelityReview
) -> None:
    rating = rating_of(cast, review, "gil")
    gil, nora = client_of(cast, "gil"), client_of(cast, "nora")
    own, link = url("fidelity_rate", review.public_id), url("rating_error", rating.public_id)
    assert link in gil.get(own).content.decode()
    assert link in nora.get(url("fidelity_review", review.public_id)).content.decode(), "who sees a mistake"
    page = gil.get(link).content.decode()
    assert "Fidelity review" in page and review.session_record.course.patient.code not in page
    assert gil.post(link, {"reason": WRONG, "public_id": str(uuid7())}).status_code == 302
    page = gil.get(own).content.decode()
    assert "Marked as handed in in error" in page and link not in page
    mark = ErrorMark.objects.get()
    settling = url("error_mark", mark.public_id)
    again = gil.get(link).content.decode()
    assert "It is marked, and waits for a second person" in again and settling in again
    theirs = gil.get(settling).content.decode()
    assert WRONG in theirs and "From gil." in theirs
    assert review.session_record.course.patient.code not in theirs
    told = calls(cast, "gil").get("error_mark", mark=mark.public_id).json()["mark"]
    assert (told["course_id"], told["patient"], told["what"]) == (None, "", "rating")
    assert client_of(cast, "hana").get(settling).status_code == 404
    assert settling in nora.get(url("today")).content.decode()
    assert "From gil." in nora.get(settling).content.decode()
    assert nora.post(settling, {"verdict": "confirm"}).status_code == 302
    assert "Hand in the rating" in gil.get(own).content.decode()
    assert gil.get(link).status_code == 404


def test_by_the_api_it_is_read_and_confirmed(cast: Cast, review: FidelityReview) -> None:
    mark = asked(cast, rating_of(cast, review, "gil"))
    nora = calls(cast, "nora")
    told = nora.get("error_mark", mark=mark.public_id).json()
    assert told["rating"]["scores"] == {"rapport": 1, "safety": 2} and told["mark"]["what"] == "rating"
    assert nora.post("confirm_error", {}, mark=mark.public_id).status_code == 200
    assert FidelityRating.every.get(review=review, in_error=True).rater == cast.people["gil"]


def test_the_pages_take_the_same_number_of_queries_however_often_it_was_rated_anew(
    cast: Cast, review: FidelityReview
) -> None:
    carla, gil = client_of(cast, "carla"), client_of(cast, "gil")

    def taken() -> list[int]:
        found = []
        for client, address in (
            (carla, url("fidelity")),
            (gil, url("fidelity")),
            (carla, url("audit", review.session_record.course.public_id)),
        ):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            found.append(len(captured))
        return found

    leaves(cast, review)
    rate(cast, review, "gil", 2)
    before = taken()
    for rapport in (1, 2):
        leaves(cast, review)
        rate(cast, review, "gil", rapport)
    assert taken() == before
