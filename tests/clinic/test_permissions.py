"""The permission table in full: every role and kind of actor, every permission, every shape of subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal

import pytest

from clinic.errors import Forbidden, NotFound
from clinic.permissions import (
    Invitation,
    Permission,
    Role,
    allows,
    register,
    registered,
    require,
    sees,
)

HERE, ELSEWHERE = 1, 2
ME, OTHER = 10, 11
PATIENT, OTHER_PATIENT = 20, 21
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    kind: Literal["person", "patient", "system"] = "person"
    clinic_id: int = HERE
    person_id: int | None = ME
    patient_id: int | None = None
    roles: frozenset[Role] = frozenset()
    at: datetime = NOW
    stands_in_for: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    clinic_id: int = HERE
    care_team_ids: frozenset[int] = frozenset()
    author_id: int | None = None
    patient_id: int | None = PATIENT
    invitations: Sequence[Invitation] = ()


def person(*roles: Role) -> Who:
    return Who(roles=frozenset(roles))


TEAM = frozenset({ME})
INVITED = (
    Invitation(person_id=ME, from_at=NOW - timedelta(days=1), until_at=NOW + timedelta(days=1)),
    Invitation(person_id=OTHER, from_at=NOW - timedelta(days=1), until_at=NOW + timedelta(days=1)),
)
P = Permission

# What each may do to a patient's things outside their care team, and what being in it adds. All else is
# refused: the table once more, written as what each may do, not as the sentences that make it so.
EVERYBODY = {P.VIEW_CLINIC, P.VIEW_PROTOCOL}
CLINICAL_READING = {
    P.VIEW_PATIENT, P.VIEW_CHART, P.VIEW_CONTACT_DETAILS, P.VIEW_TASKS, P.VIEW_DEVIATIONS, P.VIEW_ADHERENCE,
    P.VIEW_MESSAGES,
}  # fmt: skip
TREATING = CLINICAL_READING | {
    P.EDIT_PATIENT, P.MOVE_STAGE, P.HOLD_COURSE, P.END_COURSE, P.STOP_DOSING, P.BOOK_SESSION, P.CHECK_IN,
    P.START_SESSION, P.END_SESSION, P.CONDUCT_SESSION, P.GIVE_DOSE, P.RECORD_VITALS, P.RECORD_CONTACT,
    P.RECORD_ASSESSMENT, P.RECORD_NOT_DONE, P.RECORD_CHART, P.RECORD_CONSENT, P.RECORD_ADVERSE_EVENT,
    P.WRITE_NOTE, P.AMEND_RECORD, P.SIGN_RECORD, P.TAKE_TASK, P.SEND_LINK, P.ENTER_DEVIATION, P.CONFIRM_ERROR,
    P.EXPORT_REPORT,
}  # fmt: skip
ANYWHERE: dict[Role, set[Permission]] = {
    Role.THERAPIST: EVERYBODY | {P.ENROL_PATIENT, P.RATE_FIDELITY, P.RATE_ASSESSMENT},
    Role.SUPERVISOR: EVERYBODY | CLINICAL_READING | {
        P.ENROL_PATIENT, P.CHANGE_CARE_TEAM, P.HOLD_COURSE, P.END_COURSE, P.TAKE_TASK, P.RECORD_CONTACT,
        P.OVERRIDE_GATE_SUPERVISOR, P.VIEW_EVENTS, P.EXPORT_RECORD, P.MANAGE_MESSAGES, P.REVIEW_DEVIATION,
        P.CO_SIGN_RECORD, P.DRAFT_PROTOCOL, P.PUBLISH_PROTOCOL, P.CONFIRM_FIGURES, P.MOVE_VERSION,
        P.RUN_FIDELITY, P.RATE_FIDELITY, P.RATE_ASSESSMENT, P.MANAGE_CREDENTIALS, P.CHANGE_NOTE_TEMPLATES,
        P.HAND_OVER, P.NAME_DEPUTIES, P.INVITE_REVIEWERS, P.ENTER_DEVIATION, P.CONFIRM_ERROR, P.EXPORT_REPORT,
        P.EXPORT_CLINIC_REPORT, P.CHANGE_REVIEW_SETTINGS,
    },
    Role.PRESCRIBER: EVERYBODY | CLINICAL_READING | {
        P.ORDER_DOSE, P.OVERRIDE_GATE_PRESCRIBER, P.HOLD_COURSE, P.STOP_DOSING, P.RECORD_CHART,
        P.RECORD_ADVERSE_EVENT, P.RECORD_CONTACT, P.TAKE_TASK, P.CONFIRM_FIGURES, P.MOVE_VERSION,
        P.RATE_FIDELITY, P.RATE_ASSESSMENT, P.CONFIRM_ERROR,
    },
    Role.COORDINATOR: EVERYBODY | {
        P.VIEW_PATIENT, P.VIEW_CONTACT_DETAILS, P.VIEW_TASKS, P.VIEW_MESSAGES, P.ENROL_PATIENT,
        P.EDIT_PATIENT, P.CHANGE_CARE_TEAM, P.BOOK_SESSION, P.CHECK_IN, P.RECORD_CONTACT, P.TAKE_TASK,
        P.SEND_LINK, P.MANAGE_MESSAGES, P.MANAGE_ROOMS, P.HAND_OVER,
    },
    Role.ADMINISTRATOR: EVERYBODY | {
        P.MANAGE_PEOPLE, P.MANAGE_ROOMS, P.MANAGE_CLINIC, P.VIEW_EVENTS, P.DRAFT_PROTOCOL,
        P.PUBLISH_PROTOCOL, P.RECORD_LEGAL_BASIS, P.CHANGE_NOTE_TEMPLATES, P.EXPORT_CLINIC_REPORT,
        P.CHANGE_REVIEW_SETTINGS,
    },
    Role.OUTSIDE_REVIEWER: set(),
}  # fmt: skip
IN_TEAM: dict[Role, set[Permission]] = {
    Role.THERAPIST: TREATING,
    Role.SUPERVISOR: TREATING,
    Role.PRESCRIBER: TREATING,
    Role.COORDINATOR: set(),
    Role.ADMINISTRATOR: set(),
    Role.OUTSIDE_REVIEWER: set(),
}
# What an invitation to a course adds, and to whom alone it adds anything.
INVITED_READING = {P.VIEW_PATIENT, P.VIEW_CHART, P.VIEW_DEVIATIONS, P.VIEW_ADHERENCE, P.EXPORT_REPORT}
INVITED_JUDGING = {P.REVIEW_DEVIATION, P.CO_SIGN_RECORD}  # never in one's own team
NOT_ONES_OWN = {P.REVIEW_DEVIATION, P.CO_SIGN_RECORD, P.CONFIRM_ERROR}
ONLY_ONES_OWN = {P.READ_PSYCHOTHERAPY_NOTE, P.WRITE_PSYCHOTHERAPY_NOTE}
WRITING_THERAPY = {Role.THERAPIST, Role.SUPERVISOR, Role.PRESCRIBER}
ONLY_OUTSIDE_THE_TEAM = {P.HANDLE_CONCERN}  # whoever it is said to, whatever their role here
ONES_OWN = {P.HAND_OVER}  # everybody who works here, their own


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_exactly_this_and_nothing_else(role: Role) -> None:
    outside = role is Role.OUTSIDE_REVIEWER
    for permission, in_team, author, invitations in product(
        Permission, (False, True), (None, ME, OTHER), ((), INVITED)
    ):
        subject = Thing(
            care_team_ids=TEAM if in_team else frozenset({OTHER}), author_id=author, invitations=invitations
        )
        expected = permission in ANYWHERE[role] or (in_team and permission in IN_TEAM[role])
        if outside and invitations:
            expected = permission in INVITED_READING or (permission in INVITED_JUDGING and not in_team)
        if author == ME and permission in NOT_ONES_OWN:
            expected = False
        if permission is P.MARK_ERROR:  # whatever their role, and of their own only
            expected = author == ME
        if permission in ONLY_OUTSIDE_THE_TEAM:
            expected = not in_team and not outside
        if permission in ONES_OWN and author == ME and not outside:
            expected = True
        if permission in ONLY_ONES_OWN:
            expected = role in WRITING_THERAPY and author == ME
            expected = expected and (in_team or permission is P.READ_PSYCHOTHERAPY_NOTE)
        assert allows(person(role), permission, subject) is expected, (role, permission, in_team, author)


@pytest.mark.parametrize("role", Role)
def test_who_stands_in_for_somebody_of_the_team_may_what_one_of_the_team_may(role: Role) -> None:
    theirs = Thing(care_team_ids=frozenset({OTHER}))
    own = Thing(care_team_ids=frozenset({ME}))
    stand_in = replace(person(role), stands_in_for=frozenset({OTHER}))
    for permission in Permission:
        assert allows(stand_in, permission, theirs) is allows(person(role), permission, own), permission
    elsewhere = Thing(care_team_ids=frozenset({OTHER + 1}))
    for permission in Permission:
        assert allows(stand_in, permission, elsewhere) is allows(person(role), permission, elsewhere)


@pytest.mark.parametrize(
    ("at", "open_then"),
    [(-1, False), (0, True), (1, True), (2, False)],
    ids=["before it", "its first instant", "within it", "its end belongs to it no more"],
)
def test_an_invitation_opens_a_course_until_its_day_is_over(at: int, open_then: bool) -> None:
    span = Invitation(person_id=ME, from_at=NOW, until_at=NOW + timedelta(days=2))
    reviewer = replace(person(Role.OUTSIDE_REVIEWER), at=NOW + timedelta(days=at))
    assert sees(reviewer, Thing(invitations=(span,))) is open_then
    assert not sees(replace(reviewer, person_id=OTHER), Thing(invitations=(span,)))


@pytest.mark.parametrize("role", Role)
def test_nothing_is_allowed_in_another_clinic(role: Role) -> None:
    for permission in Permission:
        subject = Thing(clinic_id=ELSEWHERE, care_team_ids=TEAM, invitations=INVITED)
        assert not allows(person(role), permission, subject)
        with pytest.raises(NotFound):
            require(person(role), permission, subject)


def test_two_roles_may_do_what_either_may() -> None:
    for first, second, permission in product(Role, Role, Permission):
        subject = Thing(care_team_ids=TEAM)
        either = allows(person(first), permission, subject) or allows(person(second), permission, subject)
        assert allows(person(first, second), permission, subject) is either


def test_nobody_without_a_role_may_do_anything() -> None:
    assert not any(allows(person(), permission, Thing(care_team_ids=TEAM)) for permission in Permission)


def test_a_patient_may_answer_their_own_link_and_nothing_else() -> None:
    patient = Who(kind="patient", person_id=None, patient_id=PATIENT)
    mine = {permission for permission in Permission if allows(patient, permission, Thing())}
    assert mine == {P.VIEW_PATIENT, P.ANSWER_LINK}
    assert not any(allows(patient, permission, Thing(patient_id=OTHER_PATIENT)) for permission in Permission)
    assert not any(allows(patient, permission, Thing(patient_id=None)) for permission in Permission)


def test_a_patient_s_link_gets_no_staff_role_by_carrying_one() -> None:
    patient = Who(kind="patient", person_id=None, patient_id=PATIENT, roles=frozenset(Role))
    assert not allows(patient, P.VIEW_CHART, Thing())


def test_the_loops_never_treat() -> None:
    system = Who(kind="system", person_id=None)
    allowed = {permission for permission in Permission if allows(system, permission, Thing())}
    assert allowed == {P.VIEW_CLINIC, P.VIEW_PATIENT, P.VIEW_CHART, P.MANAGE_MESSAGES}


@pytest.mark.parametrize(
    ("role", "subject", "refusal"),
    [
        (Role.THERAPIST, Thing(), NotFound),
        (Role.THERAPIST, Thing(care_team_ids=TEAM), Forbidden),
        (Role.SUPERVISOR, Thing(), Forbidden),
        (Role.COORDINATOR, Thing(), Forbidden),
        (Role.ADMINISTRATOR, Thing(), NotFound),
        (Role.THERAPIST, Thing(patient_id=None), Forbidden),
        (Role.PRESCRIBER, Thing(clinic_id=ELSEWHERE), NotFound),
    ],
    ids=[
        "a therapist does not see other teams' patients",
        "a therapist sees their patient but does not manage people",
        "a supervisor sees every patient of the clinic",
        "a coordinator sees every patient of the clinic",
        "an administrator sees no patient",
        "everybody sees the rooms of their clinic",
        "nobody sees another clinic",
    ],
)
def test_what_may_not_be_seen_is_not_there_and_what_may_not_be_done_is_forbidden(
    role: Role, subject: Thing, refusal: type[Exception]
) -> None:
    act = P.MANAGE_PEOPLE if role is not Role.ADMINISTRATOR else P.VIEW_CHART
    assert sees(person(role), subject) is (refusal is Forbidden)
    with pytest.raises(refusal):
        require(person(role), act, subject)


def test_registering_a_sentence_twice_changes_nothing() -> None:
    before = registered()
    register(*before)
    assert registered() == before
