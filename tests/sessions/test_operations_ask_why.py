"""Every change to how the clinic runs says why, whoever calls: the operation itself asks, so that no door can
forget it, and the answer stands beside its event. The doors' own tests are in web/test_every_change_says_why
and in test_admin_by_role."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from clinic.errors import Incomplete
from clinic.models import Event, Membership, Person
from clinic.models.credentials import CredentialKind
from clinic.operations import absences, clinics, credentials, own_number, people
from clinic.permissions import Role
from protocols.models import LegalBasis
from protocols.operations.legal import revoke_legal_basis
from protocols.operations.wordings import load_wording, take_wording_back
from sessions.models import Course
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.fidelity import adopt_form
from sessions.operations.inviting import end_invitation, invite_reviewer
from sessions.operations.note_templates import change_note_template
from sessions.operations.reporting import end_clock
from sessions.operations.trends import set_policy
from sessions.operations.wording import write_wording
from tests.architecture import source
from tests.sessions.rules.test_fidelity import FORM
from tests.sessions.test_legal_basis import put
from tests.sessions.test_reporting_clocks import a_clock
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.wordings import CODE, wording

pytestmark = pytest.mark.django_db

FIRST, LAST = START.date() + days(1), START.date() + days(4)
WHY = "It was agreed."

Act = Callable[[str], object]


def member(cast: Cast, name: str) -> Membership:
    return cast.people[name].memberships.get(clinic=cast.clinic)


def absence(cast: Cast) -> Act:
    return lambda reason: absences.record_absence(
        actor=cast.actor("ada"),
        person_id=cast.id("ada"),
        from_on=FIRST,
        until_on=LAST,
        reason=reason,
        now=START,
    )


def handover(cast: Cast) -> Act:
    return lambda reason: absences.hand_over(
        actor=cast.actor("ada"),
        giver_id=cast.id("ada"),
        taker_id=cast.id("gil"),
        from_on=FIRST,
        until_on=LAST,
        reason=reason,
        now=START,
    )


def deputy(cast: Cast) -> Act:
    return lambda reason: absences.name_deputy(
        actor=cast.actor("carla"),
        supervisor_id=cast.id("carla"),
        deputy_id=cast.id("dov"),
        from_on=FIRST,
        reason=reason,
        now=START,
    )


def credential(cast: Cast) -> Act:
    return lambda reason: credentials.record_credential(
        actor=cast.actor("carla"),
        person_id=cast.id("ada"),
        kind=CredentialKind.LICENCE,
        code="psychotherapist",
        title="Licence",
        valid_from=date(2026, 1, 1),
        reason=reason,
        now=START,
    )


def reviewer(cast: Cast) -> Act:
    return lambda reason: invite_reviewer(
        actor=cast.actor("carla"),
        email="rita@example.org",
        printed_name="Rita Rowan",
        course_ids=[Course.objects.get().public_id],
        until_on=LAST,
        reason=reason,
        now=START,
    )


def texted(cast: Cast) -> Membership:
    found = member(cast, "ada")
    found.text_number, found.text_number_confirmed_at = "+12025550123", START
    found.save()
    return found


def ended(cast: Cast, made: Callable[[Cast], Act], end: Callable[[Any, str], object]) -> Act:
    """The end of what was made for a reason."""
    row = made(cast)(WHY)
    return lambda reason: end(row, reason)


ACTS: dict[str, Callable[[Cast], Act]] = {
    "absence_recorded": absence,
    "absence_ended": lambda cast: ended(
        cast,
        absence,
        lambda row, reason: absences.end_absence(
            actor=cast.actor("ada"), absence_id=row.public_id, reason=reason, now=START
        ),
    ),
    "work_handed_over": handover,
    "work_taken_back": lambda cast: ended(
        cast,
        handover,
        lambda row, reason: absences.take_back(
            actor=cast.actor("ada"), handover_id=row.public_id, reason=reason, now=START
        ),
    ),
    "deputy_named": deputy,
    "deputy_released": lambda cast: ended(
        cast,
        deputy,
        lambda row, reason: absences.release_deputy(
            actor=cast.actor("carla"), deputy_id=row.public_id, reason=reason, now=START
        ),
    ),
    "credential_recorded": credential,
    "credential_withdrawn": lambda cast: ended(
        cast,
        credential,
        lambda row, reason: credentials.withdraw_credential(
            actor=cast.actor("carla"), credential_id=row.public_id, reason=reason, now=START
        ),
    ),
    "clinic_changed": lambda cast: (
        lambda reason: clinics.change_clinic(
            actor=cast.actor("finn"), settings={"phone": "+1 202 555 0199"}, reason=reason, now=START
        )
    ),
    "review_settings_changed": lambda cast: (
        lambda reason: clinics.change_review_settings(
            actor=cast.actor("carla"), settings={"review_within_days": 5}, reason=reason, now=START
        )
    ),
    "membership_added": lambda cast: (
        lambda reason: people.invite_person(
            actor=cast.actor("finn"),
            email="ida@example.org",
            printed_name="Ida Ivy",
            roles={Role.THERAPIST},
            from_on=FIRST,
            reason=reason,
            now=START,
        )
    ),
    "membership_changed": lambda cast: (
        lambda reason: people.change_membership(
            actor=cast.actor("finn"),
            membership_id=member(cast, "gil").pk,
            roles={Role.COORDINATOR},
            from_on=FIRST,
            until_on=None,
            reason=reason,
            now=START,
        )
    ),
    "person_changed": lambda cast: (
        lambda reason: people.change_person(
            actor=cast.actor("finn"),
            person_id=cast.people["gil"].pk,
            email="gil@example.org",
            printed_name="Gil Gorse",
            is_active=True,
            reason=reason,
            now=START,
        )
    ),
    "second_factor_taken_away": lambda cast: (
        lambda reason: people.take_second_factor_away(
            actor=cast.actor("finn"), person=cast.people["gil"], reason=reason, now=START
        )
    ),
    "text_number_taken_away": lambda cast: (
        lambda row: (
            lambda reason: own_number.take_number_away(
                actor=cast.actor("finn"), membership_id=row.pk, reason=reason, now=START
            )
        )
    )(texted(cast)),
    "room_added": lambda cast: (
        lambda reason: people.add_room(actor=cast.actor("finn"), name="North", reason=reason, now=START)
    ),
    "room_changed": lambda cast: (
        lambda reason: people.change_room(
            actor=cast.actor("finn"),
            room_id=cast.rooms["blue"].pk,
            name="Bluer room",
            in_use=True,
            reason=reason,
            now=START,
        )
    ),
    "legal_basis_recorded": lambda cast: lambda reason: put(cast, reason=reason),
    "legal_basis_revoked": lambda cast: (
        lambda reason: revoke_legal_basis(
            actor=cast.actor("finn"),
            legal_basis_id=LegalBasis.objects.get().public_id,
            reason=reason,
            now=START,
        )
    ),
    "instrument_wording_loaded": lambda cast: (
        lambda reason: load_wording(
            actor=cast.actor("finn"), instrument=CODE, text=wording(), reason=reason, now=START
        )
    ),
    "instrument_wording_taken_back": lambda cast: ended(
        cast,
        ACTS["instrument_wording_loaded"],
        lambda _row, reason: take_wording_back(
            actor=cast.actor("finn"), instrument=CODE, why=reason, now=START
        ),
    ),
    "wording_written": lambda cast: (
        lambda reason: write_wording(
            actor=cast.actor("finn"),
            language="en",
            channel="text",
            kind="check_in",
            text="{sender}: {link} STOP ends texts. Help: {phone}",
            reason=reason,
            now=START,
        )
    ),
    "note_template_changed": lambda cast: (
        lambda reason: change_note_template(
            actor=cast.actor("carla"), code="", title="Group", lines="Who came", reason=reason, now=START
        )
    ),
    "reviewer_invited": reviewer,
    "outside_reviewer_let_in": reviewer,
    "review_invitation_ended": lambda cast: ended(
        cast,
        reviewer,
        lambda rows, reason: end_invitation(
            actor=cast.actor("carla"), invitation_id=rows[0].public_id, reason=reason, now=START
        ),
    ),
    "reporting_clock_set": lambda cast: lambda reason: a_clock(cast, reason=reason),
    "reporting_clock_ended": lambda cast: ended(
        cast,
        ACTS["reporting_clock_set"],
        lambda row, reason: end_clock(
            actor=cast.actor("finn"), clock_id=row.public_id, reason=reason, now=START
        ),
    ),
    "deviation_policy_set": lambda cast: (
        lambda reason: set_policy(
            actor=cast.actor("carla"),
            days=60,
            in_clinic=4,
            in_protocol=4,
            of_therapist=3,
            days_off=[],
            reason=reason,
            now=START,
        )
    ),
    "fidelity_form_adopted": lambda cast: (
        lambda reason: adopt_form(actor=cast.actor("carla"), text=FORM, reason=reason, now=START)
    ),
    "care_team_changed": lambda cast: (
        lambda reason: change_care_team(
            actor=cast.actor("carla"),
            course_id=Course.objects.get().public_id,
            team_role=TeamRole.CO_THERAPIST,
            person_id=cast.id("gil"),
            reason=reason,
            now=START,
        )
    ),
}


@pytest.mark.parametrize("verb", sorted(ACTS))
def test_without_a_reason_no_operation_changes_how_the_clinic_runs_whoever_calls_it(verb: str) -> None:
    cast = make_cast()
    enrol(cast)
    act = ACTS[verb](cast)
    events = Event.objects.filter(verb=verb)
    before, known = events.count(), Person.objects.count()
    for unexplained in ("", "  \n"):
        with pytest.raises(Incomplete, match="Say why"):
            act(unexplained)
    assert events.count() == before
    assert Person.objects.count() == known, "nor is half of it left behind"
    act(f" {WHY} ")
    assert events.count() == before + 1
    assert events.latest("pk").reason.text == WHY


def test_every_change_that_an_operation_records_is_tried_here() -> None:
    """And only what is nobody's business but one's own, or changes nothing yet, is noted with a reason that
    may be missing."""
    verbs, unasked = set(), set()
    for house in source.HOUSES:
        for path, tree in source.trees(below=""):
            if f"{house}/operations/" not in path:
                continue
            for node in ast.walk(tree):
                if not isinstance(node, ast.Call):
                    continue
                said = {one.arg: one.value for one in node.keywords}
                if ast.unparse(node.func) == "record_change" and isinstance(said["verb"], ast.Constant):
                    verbs.add(said["verb"].value)
                if ast.unparse(node.func) == "record_event" and "reason" in said:
                    unasked.add(path)
    assert verbs - set(ACTS) == set()
    assert unasked == {
        "clinic/operations/events.py",  # record_change itself, which has asked
        "clinic/operations/own_number.py",  # one's own number; an administrator who takes it away is asked
        "protocols/operations/drafting.py",  # a draft: what is followed was reviewed and approved, with words
        "protocols/operations/on_version.py",  # the table of its moves says which ask: test_versions
    }
