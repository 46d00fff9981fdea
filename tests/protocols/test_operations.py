"""Drafting, reviewing, answering for figures, publishing, and what the database refuses whoever asks."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Event
from clinic.permissions import Role
from protocols import queries
from protocols.models import FigureConfirmation, ProtocolVersion, VersionReview, VersionStatus
from protocols.operations import (
    approve_version,
    confirm_figures,
    discard_draft,
    load_protocol,
    publish_version,
    retire_version,
    return_version,
    send_for_review,
)
from protocols.rules.moves import VERSION_MOVES
from tests.protocols.house import LIBRARY, NOW, House, draft, make_actor, make_clinic, published


def sent(house: House, text: str) -> ProtocolVersion:
    return send_for_review(actor=house.author, version=draft(house, text), now=NOW)


def approved(house: House, text: str) -> ProtocolVersion:
    return approve_version(actor=house.approver, version=sent(house, text), now=NOW)


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


# --- the way to a published version -------------------------------------------------------------------------


def test_a_document_becomes_a_draft_and_then_the_published_version(house: House, mdma: str) -> None:
    version = published(house, mdma)
    assert version.status == VersionStatus.PUBLISHED
    assert queries.published_version(clinic_id=house.clinic.pk, code="mdma_ptsd") == version
    assert queries.definition_of(version.pk).code == "mdma_ptsd"
    assert list(Event.objects.order_by("pk").values_list("verb", flat=True)) == [
        "protocol_drafted",
        "protocol_sent_for_review",
        "figures_confirmed",
        "protocol_approved",
        "protocol_published",
    ]


def test_a_second_draft_takes_the_place_of_the_first(house: House, mdma: str) -> None:
    first = draft(house, mdma)
    second = draft(house, mdma.replace('version: "1.0"', 'version: "1.1"'))
    assert second.pk == first.pk
    assert ProtocolVersion.objects.get().version == "1.1"


def test_a_version_in_review_does_not_change_until_it_is_returned_with_a_comment(
    house: House, mdma: str
) -> None:
    version = sent(house, mdma)
    changed = mdma.replace("value: 180 mg", "value: 181 mg")
    with pytest.raises(NotNow, match="in review"):
        draft(house, changed)
    with pytest.raises(Incomplete):
        return_version(actor=house.approver, version=version, comment="  ", now=NOW)
    back = return_version(actor=house.approver, version=version, comment="180 mg is a slip?", now=NOW)
    assert back.status == VersionStatus.DRAFT
    assert draft(house, changed).pk == version.pk
    reviews = queries.reviews_of(house.author, back)
    assert [(row.step, row.comment) for row in reviews] == [("sent", ""), ("returned", "180 mg is a slip?")]


def test_an_approved_version_that_is_returned_is_approved_no_more(house: House, mdma: str) -> None:
    version = return_version(
        actor=house.approver, version=approved(house, mdma), comment="One more thing.", now=NOW
    )
    assert (version.status, version.approved_by_id, version.approved_at) == ("draft", None, None)


def test_a_draft_is_not_published_unread(house: House, mdma: str) -> None:
    for version in (draft(house, mdma), sent(house, mdma)):
        with pytest.raises(NotNow, match="approved"):
            publish_version(actor=house.approver, version=version, now=NOW)


def test_the_author_cannot_approve(house: House, mdma: str) -> None:
    version = sent(house, mdma)
    with pytest.raises(Forbidden):
        approve_version(actor=house.author, version=version, now=NOW)
    version.refresh_from_db()
    assert version.status == VersionStatus.IN_REVIEW


def test_whoever_once_had_a_hand_in_a_draft_cannot_approve_it(house: House, mdma: str) -> None:
    draft(house, mdma)
    other = mdma.replace("value: 180 mg", "value: 181 mg")
    version = load_protocol(actor=house.approver, clinic=house.clinic, text=other, now=NOW)
    send_for_review(actor=house.approver, version=version, now=NOW)
    for actor in (house.author, house.approver):
        with pytest.raises(Forbidden):
            approve_version(actor=actor, version=version, now=NOW)
    third = make_actor(house.clinic, "emil", Role.SUPERVISOR)
    assert approve_version(actor=third, version=version, now=NOW).approved_by_id == third.person_id


def test_a_draft_thrown_away_takes_its_comments_with_it_and_not_its_authors(house: House, mdma: str) -> None:
    version = return_version(actor=house.approver, version=sent(house, mdma), comment="No.", now=NOW)
    discard_draft(actor=house.author, version=version, now=NOW)
    assert not ProtocolVersion.objects.exists()
    assert not VersionReview.objects.exists()
    fresh = load_protocol(actor=house.approver, clinic=house.clinic, text=mdma, now=NOW)
    assert set(fresh.author_ids) == {house.author.person_id, house.approver.person_id}
    send_for_review(actor=house.approver, version=fresh, now=NOW)
    with pytest.raises(NotNow):
        discard_draft(actor=house.author, version=fresh, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [("", ""), ("value: 180 mg", "value: 181 mg"), ('version: "1.0"', 'version: "1.1"')],
    ids=["the same text", "a text much like it", "another number"],
)
def test_who_wrote_a_draft_that_a_colleague_threw_away_and_loaded_again_cannot_approve_it(
    house: House, mdma: str, changed: tuple[str, str]
) -> None:
    discard_draft(actor=house.approver, version=draft(house, mdma), now=NOW)
    again = load_protocol(
        actor=house.approver,
        clinic=house.clinic,
        text=mdma.replace(*changed) if changed[0] else mdma,
        now=NOW,
    )
    send_for_review(actor=house.approver, version=again, now=NOW)
    for actor in (house.author, house.approver):
        with pytest.raises(Forbidden):
            approve_version(actor=actor, version=again, now=NOW)
    third = make_actor(house.clinic, "emil", Role.SUPERVISOR)
    assert approve_version(actor=third, version=again, now=NOW).approved_by_id == third.person_id


def test_after_a_publication_only_who_wrote_that_very_text_is_still_its_author(
    house: House, mdma: str
) -> None:
    def numbered(number: str) -> str:
        return mdma.replace('version: "1.0"', f'version: "{number}"')

    third = make_actor(house.clinic, "emil", Role.SUPERVISOR)
    discard_draft(
        actor=third,
        version=load_protocol(actor=third, clinic=house.clinic, text=numbered("3"), now=NOW),
        now=NOW,
    )
    published(house, mdma)
    other = load_protocol(actor=house.approver, clinic=house.clinic, text=numbered("2"), now=NOW)
    assert other.author_ids == [house.approver.person_id]
    same = load_protocol(actor=house.approver, clinic=house.clinic, text=numbered("3"), now=NOW)
    assert set(same.author_ids) == {house.approver.person_id, third.person_id}


def test_a_therapist_may_neither_draft_nor_approve_nor_publish_nor_answer(house: House, mdma: str) -> None:
    with pytest.raises(Forbidden):
        load_protocol(actor=house.therapist, clinic=house.clinic, text=mdma, now=NOW)
    version = sent(house, mdma)
    with pytest.raises(Forbidden):
        approve_version(actor=house.therapist, version=version, now=NOW)
    with pytest.raises(Forbidden):
        confirm_figures(actor=house.therapist, version=version, figures=[], now=NOW)
    approve_version(actor=house.approver, version=version, now=NOW)
    with pytest.raises(Forbidden):
        publish_version(actor=house.therapist, version=version, now=NOW)


def test_another_clinics_protocol_is_not_there(house: House, mdma: str) -> None:
    version = published(house, mdma)
    stranger = make_actor(make_clinic("egret"), "dora", Role.SUPERVISOR)
    with pytest.raises(NotFound):
        retire_version(actor=stranger, version=version, comment="Over.", now=NOW)
    with pytest.raises(NotFound):
        queries.version_for(stranger, protocol_public_id=version.protocol.public_id)
    with pytest.raises(NotFound):
        queries.reviews_of(stranger, version)
    assert queries.figures_to_answer(stranger, version)[0].answered is None


def test_a_wrong_document_changes_nothing_and_names_its_lines(house: House, mdma: str) -> None:
    with pytest.raises(BadInput) as caught:
        draft(house, mdma.replace("type: dose", "type: doze"))
    assert "rules[" in caught.value.fields["document"][0]
    assert not ProtocolVersion.objects.exists()


def test_publishing_a_new_version_retires_the_one_before(house: House, mdma: str) -> None:
    first = published(house, mdma)
    second = published(house, mdma.replace('version: "1.0"', 'version: "2.0"'))
    first.refresh_from_db()
    assert (first.status, second.status) == (VersionStatus.RETIRED, VersionStatus.PUBLISHED)
    assert Event.objects.get(verb="protocol_retired").reason.text == "Version 2.0 was published."
    assert queries.definition_of(first.pk).version == "1.0"


def test_loading_again_what_is_published_changes_nothing(house: House, mdma: str) -> None:
    version = published(house, mdma)
    assert draft(house, mdma) == version
    with pytest.raises(NotNow):
        draft(house, mdma.replace("value: 180 mg", "value: 181 mg"))
    assert ProtocolVersion.objects.count() == 1


def test_a_published_version_is_published_once(house: House, mdma: str) -> None:
    version = published(house, mdma)
    with pytest.raises(NotNow):
        publish_version(actor=house.approver, version=version, now=NOW)


# --- figures that a clinician answers for -------------------------------------------------------------------


def test_publishing_is_refused_with_every_figure_that_nobody_answered_for(house: House, mdma: str) -> None:
    version = approved(house, mdma)
    with pytest.raises(Incomplete) as caught:
        publish_version(actor=house.approver, version=version, now=NOW)
    missing = caught.value.data["figures"]
    asked = [(one.path, one.text, one.kind) for one in queries.figures_to_answer(house.author, version)]
    assert [(one["path"], one["text"], one["needs"]) for one in missing] == asked
    kinds = {one["path"]: one["needs"] for one in missing}
    assert kinds["dose.max_per_course"] == "confirmed"
    assert kinds["preparation.windows[1].opens"] == "adopted"
    assert "preparation.count" not in kinds, "read in a published source"


def test_a_point_that_must_be_ticked_is_answered_for_where_no_source_names_it(
    house: House, mdma: str
) -> None:
    asked = {one.path: one for one in queries.figures_to_answer(house.author, draft(house, mdma))}
    point = asked["preparation.checklist.suicide_risk_asked"]
    assert (point.kind, point.note) == ("confirmed", "recalled: C-SSRS at every visit")
    assert point.text in mdma
    assert "preparation.checklist.touch_talked_through" not in asked, "it need not be ticked"
    assert "release.items.judged_stable" not in asked, "read in a published source"


def test_what_a_protocols_instruments_rest_on_is_answered_for_with_its_own_figures(house: House) -> None:
    text = (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8")
    version = approved(house, text)
    asked = {one.path: one for one in queries.figures_to_answer(house.author, version)}
    at = "instruments.madrs.worries[1]"
    assert asked[at].kind == "adopted"
    assert asked[at].text == (
        "MADRS (past week): Suicidal thoughts rated 4 or more: evaluate at once (q10: 4, 5, 6)"
    )
    assert "instruments.madrs.findings.remission_10" not in asked, "read in a published source"
    assert not [path for path in asked if path.startswith("instruments.who5.")], "the protocol has no WHO-5"
    figures = [(one.path, one.text) for one in asked.values() if one.path != at]
    confirm_figures(actor=house.clinician, version=version, figures=figures, now=NOW)
    with pytest.raises(Incomplete) as caught:
        publish_version(actor=house.approver, version=version, now=NOW)
    assert [one["path"] for one in caught.value.data["figures"]] == [at]
    confirm_figures(actor=house.clinician, version=version, figures=[(at, asked[at].text)], now=NOW)
    assert publish_version(actor=house.approver, version=version, now=NOW).status == "published"


def test_one_figure_left_out_is_enough_to_refuse(house: House, mdma: str) -> None:
    version = approved(house, mdma)
    figures = [(one.path, one.text) for one in queries.figures_to_answer(house.author, version)]
    confirm_figures(actor=house.clinician, version=version, figures=figures[1:], now=NOW)
    with pytest.raises(Incomplete) as caught:
        publish_version(actor=house.approver, version=version, now=NOW)
    assert [one["path"] for one in caught.value.data["figures"]] == [figures[0][0]]
    confirm_figures(actor=house.clinician, version=version, figures=figures[:1], now=NOW)
    assert publish_version(actor=house.approver, version=version, now=NOW).status == "published"


def test_a_figure_that_changed_since_is_a_figure_nobody_answered_for(house: House, mdma: str) -> None:
    version = draft(house, mdma)
    figures = [(one.path, one.text) for one in queries.figures_to_answer(house.author, version)]
    confirm_figures(actor=house.clinician, version=version, figures=figures, now=NOW)
    assert queries.open_figures(version) == []
    before = next(text for path, text in figures if path == "dose.max_per_course")
    changed = draft(house, mdma.replace(f"value: {before}", "value: 481 mg"))
    assert [path for path, _text, _kind in queries.open_figures(changed)] == ["dose.max_per_course"]
    with pytest.raises(BadInput) as caught:
        confirm_figures(
            actor=house.clinician, version=changed, figures=[("dose.max_per_course", before)], now=NOW
        )
    assert caught.value.fields["figures"] == ["dose.max_per_course"]


def test_answering_twice_keeps_the_first_name(house: House, mdma: str) -> None:
    version = draft(house, mdma)
    figure = ("dose.max_per_course", "480 mg")
    other = make_actor(house.clinic, "emil", Role.SUPERVISOR)
    confirm_figures(actor=house.clinician, version=version, figures=[figure], now=NOW)
    assert confirm_figures(actor=other, version=version, figures=[figure, figure], now=NOW) == []
    assert FigureConfirmation.objects.get().person_id == house.clinician.person_id


def test_the_next_version_shows_who_answered_before_and_asks_again(house: House, mdma: str) -> None:
    published(house, mdma)
    version = draft(house, mdma.replace('version: "1.0"', 'version: "2.0"'))
    asked = {one.path: one for one in queries.figures_to_answer(house.author, version)}
    figure = asked["dose.max_per_course"]
    assert figure.answered is None
    assert figure.before is not None
    assert (figure.before.person, figure.before.version) == ("dana", "1.0")
    assert len(queries.open_figures(version)) == len(asked)


# --- names across versions ----------------------------------------------------------------------------------


def test_a_version_that_would_lose_the_name_of_records_is_not_sent_for_review(
    house: House, mdma: str
) -> None:
    published(house, mdma)
    renamed = mdma.replace('version: "1.0"', 'version: "2.0"')
    for old, new in (
        ("rule: check_in", "rule: morning_call"),
        ("of: check_in\n", "of: morning_call\n"),
        ("code: check_in\n", "code: morning_call\n"),
    ):
        assert old in renamed
        renamed = renamed.replace(old, new)
    second = renamed.replace("code: morning_call\n", "code: morning_call\n    replaces: check_in\n")
    version = published(house, second)
    assert queries.definition_as_written(version).rule("morning_call").replaces == "check_in"
    assert queries.definition_of(version.pk).rule("check_in").replaces == "", "the name records carry"
    third = draft(house, renamed.replace('version: "2.0"', 'version: "3.0"'))
    with pytest.raises(Incomplete, match="lose") as caught:
        send_for_review(actor=house.author, version=third, now=NOW)
    assert "replaces: check_in" in caught.value.fields["document"][0]


def test_versions_are_compared_in_words(house: House, mdma: str) -> None:
    first = published(house, mdma)
    second = draft(house, mdma.replace('version: "1.0"', 'version: "2.0"').replace("480 mg", "500 mg"))
    found = queries.compare_versions(house.therapist, before=first, after=second)
    assert [one.sentence for one in found] == [
        "Protocol: version 1.0 → 2.0",
        "MDMA dose: at most per course 480 mg → 500 mg",
    ]
    stranger = make_actor(make_clinic("egret"), "dora", Role.SUPERVISOR)
    with pytest.raises(NotFound):
        queries.compare_versions(stranger, before=first, after=second)


# --- what the database refuses ------------------------------------------------------------------------------


def test_the_table_of_moves_in_the_database_is_the_one_in_the_rules(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT from_status, to_status FROM protocols_move")
        there = set(cursor.fetchall())
    assert there == {*VERSION_MOVES.pairs, *(("", status) for status in VERSION_MOVES.initial)}
    assert VERSION_MOVES.statuses == {status.value for status in VersionStatus}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE protocols_protocolversion SET document = 'other'",
        "UPDATE protocols_protocolversion SET digest = 'other'",
        "UPDATE protocols_protocolversion SET author_id = approved_by_id, author_ids = ARRAY[approved_by_id]",
        "UPDATE protocols_protocolversion SET approved_at = now()",
        "UPDATE protocols_protocolversion SET status = 'retired', retired_at = now(), digest = 'x'",
        "DELETE FROM protocols_protocolversion",
    ],
)
def test_a_published_version_is_frozen_in_sql(house: House, mdma: str, sql: str) -> None:
    version = published(house, mdma)
    with pytest.raises(DatabaseError, match="frozen"):
        run(sql)
    assert ProtocolVersion.objects.filter(pk=version.pk, digest=version.digest, document=mdma).exists()


@pytest.mark.parametrize("status", ["draft", "in_review", "reviewed"])
def test_a_published_version_never_goes_back(house: House, mdma: str, status: str) -> None:
    published(house, mdma)
    with pytest.raises(IntegrityError, match="may not go"):
        run(
            f"UPDATE protocols_protocolversion SET status = '{status}', published_at = null, "
            "approved_by_id = null, approved_at = null"
        )


def test_what_is_in_review_is_frozen_in_sql(house: House, mdma: str) -> None:
    sent(house, mdma)
    for sql in (
        "UPDATE protocols_protocolversion SET document = 'other'",
        "UPDATE protocols_protocolversion SET status = 'draft', document = 'other'",
        "DELETE FROM protocols_protocolversion",
    ):
        with pytest.raises(DatabaseError, match="frozen"):
            run(sql)


def test_a_retired_version_never_comes_back(house: House, mdma: str) -> None:
    version = published(house, mdma)
    with pytest.raises(Incomplete, match="Say why"):
        retire_version(actor=house.approver, version=version, comment=" ", now=NOW)
    version = retire_version(actor=house.approver, version=version, comment="The trial is over.", now=NOW)
    assert Event.objects.get(verb="protocol_retired").reason.text == "The trial is over."
    with pytest.raises(IntegrityError, match="may not go"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(status="published", retired_at=None)


def test_nobody_publishes_past_the_review_in_sql(house: House, mdma: str) -> None:
    version = draft(house, mdma)
    for status in ("reviewed", "published"):
        with pytest.raises(IntegrityError, match="may not go"), transaction.atomic():
            ProtocolVersion.objects.filter(pk=version.pk).update(
                status=status, approved_by=house.approver.person, approved_at=NOW, published_at=NOW
            )
    with pytest.raises(IntegrityError, match="may not go"), transaction.atomic():
        ProtocolVersion.objects.create(
            clinic=house.clinic,
            protocol=version.protocol,
            version="9",
            document=mdma,
            digest="",
            status="published",
            author_id=house.author.person,
            author_ids=[house.author.person],
            drafted_at=NOW,
            approved_by_id=house.approver.person,
            approved_at=NOW,
            published_at=NOW,
        )


def test_an_author_cannot_be_made_to_have_had_no_hand_in_it(house: House, mdma: str) -> None:
    version = draft(house, mdma)
    rows = ProtocolVersion.objects.filter(pk=version.pk)
    other = house.approver.person
    changes: list[dict[str, Any]] = [
        {"author_id": other},
        {"author_id": other, "author_ids": [other]},
        {"author_ids": []},
    ]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)


def test_the_database_holds_one_draft_and_no_self_approval(house: House, mdma: str) -> None:
    version = sent(house, mdma)
    author = house.author.person
    with pytest.raises(IntegrityError, match="one_draft_per_protocol"), transaction.atomic():
        ProtocolVersion.objects.create(
            clinic=house.clinic,
            protocol=version.protocol,
            version="9",
            document="",
            digest="",
            author_id=author,
            author_ids=[author],
            drafted_at=NOW,
        )
    with pytest.raises(IntegrityError, match="nobody_approves_their_own_version"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            status="reviewed", approved_by_id=author, approved_at=NOW
        )


@pytest.mark.parametrize("table", ["versionreview", "figureconfirmation"])
def test_what_was_said_of_a_version_is_never_changed_in_sql(house: House, mdma: str, table: str) -> None:
    published(house, mdma)
    for sql in (f"UPDATE protocols_{table} SET at = now()", f"DELETE FROM protocols_{table}"):
        with pytest.raises(DatabaseError, match="never changed"):
            run(sql)


def test_a_document_changed_behind_the_trigger_is_noticed_by_its_digest(house: House, mdma: str) -> None:
    version = approved(house, mdma)
    table = "protocols_protocolversion"
    switch = f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {table} {{}} TRIGGER versions_are_frozen"
    run(switch.format("DISABLE"))
    other = mdma.replace("value: 180 mg", "value: 181 mg")
    ProtocolVersion.objects.filter(pk=version.pk).update(document=other)
    run(switch.format("ENABLE"))
    with pytest.raises(NotNow, match="digest"):
        publish_version(actor=house.approver, version=version, now=NOW)
    err = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("verify_protocols", stdout=StringIO(), stderr=err)
    assert caught.value.code == 1
    assert err.getvalue() == "heron: mdma_ptsd 1.0 (reviewed) is not what its digest was made of.\n"


def test_every_published_version_still_says_what_its_digest_was_made_of(house: House, mdma: str) -> None:
    published(house, mdma)
    out = StringIO()
    call_command("verify_protocols", stdout=out)
    assert out.getvalue() == "1 versions, 0 differ from their digest.\n"


def test_many_definitions_cost_two_queries_at_most(
    house: House, mdma: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ids = [published(house, mdma.replace('"1.0"', f'"{number}"')).pk for number in range(1, 6)]
    with django_assert_max_num_queries(2):
        found = queries.definitions_of(ids)
    assert [found[pk].version for pk in ids] == ["1", "2", "3", "4", "5"]
