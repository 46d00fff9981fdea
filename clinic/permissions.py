"""Who may do what to which subject, as a table of sentences: role × permission × conditions on the subject.

Pure. Each app registers its own sentences from its `permissions.py`. An operation asks `require`; a door may
ask `allows` to decide what to show, and is never the only one to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from clinic.errors import Forbidden, NotFound


class Role(StrEnum):
    THERAPIST = "therapist"
    SUPERVISOR = "supervisor"
    PRESCRIBER = "prescriber"
    COORDINATOR = "coordinator"
    ADMINISTRATOR = "administrator"
    OUTSIDE_REVIEWER = "outside_reviewer"  # works elsewhere; invited to review named courses until a date


STAFF = tuple(role for role in Role if role is not Role.OUTSIDE_REVIEWER)
"""Who works in the clinic."""
CLINICAL = frozenset({Role.THERAPIST, Role.SUPERVISOR, Role.PRESCRIBER})
"""Who treats patients: they can be in a care team, and so stand in for somebody who is."""


class Permission(StrEnum):
    # What makes a subject exist for somebody. Without it the answer is 404, never 403.
    VIEW_CLINIC = "view_clinic"  # things of the clinic that are no patient's: rooms, people, protocols
    VIEW_PATIENT = "view_patient"  # that the patient is there, name, bookings, tasks

    # Reading
    VIEW_CHART = "view_chart"  # the clinical record
    VIEW_CONTACT_DETAILS = "view_contact_details"
    VIEW_TASKS = "view_tasks"
    VIEW_DEVIATIONS = "view_deviations"
    VIEW_ADHERENCE = "view_adherence"
    VIEW_MESSAGES = "view_messages"  # what was sent and what comes next
    VIEW_EVENTS = "view_events"  # the event log
    EXPORT_RECORD = "export_record"  # the certified copy, the clinic's deviation log
    EXPORT_REPORT = "export_report"  # a course's or a session's record, or adherence, as a file
    EXPORT_CLINIC_REPORT = "export_clinic_report"  # the clinic's month: numbers, no patient

    # The course
    ENROL_PATIENT = "enrol_patient"
    EDIT_PATIENT = "edit_patient"  # name, contact details, zone, preferences
    CHANGE_CARE_TEAM = "change_care_team"
    MOVE_STAGE = "move_stage"
    HOLD_COURSE = "hold_course"  # put on hold and resume
    END_COURSE = "end_course"  # complete, withdraw, discontinue
    STOP_DOSING = "stop_dosing"  # the recorded decision that no further dosing follows

    # Sessions and contacts
    BOOK_SESSION = "book_session"  # book, move, cancel
    CHECK_IN = "check_in"  # and the reasoned way back
    START_SESSION = "start_session"
    END_SESSION = "end_session"
    CONDUCT_SESSION = "conduct_session"  # checklist items, who is present, notes of what happens
    ORDER_DOSE = "order_dose"  # the prescriber's recorded choice
    GIVE_DOSE = "give_dose"  # record that it was given or withheld
    RECORD_VITALS = "record_vitals"
    RECORD_CONTACT = "record_contact"
    RECORD_ASSESSMENT = "record_assessment"
    RECORD_NOT_DONE = "record_not_done"
    RECORD_CHART = "record_chart"  # medicines, allergies, results, weight, escort, emergency contact
    RECORD_CONSENT = "record_consent"
    RECORD_ADVERSE_EVENT = "record_adverse_event"
    WRITE_NOTE = "write_note"
    # Psychotherapy notes are apart from the record: their author alone, not a supervisor either.
    READ_PSYCHOTHERAPY_NOTE = "read_psychotherapy_note"
    WRITE_PSYCHOTHERAPY_NOTE = "write_psychotherapy_note"
    AMEND_RECORD = "amend_record"
    SIGN_RECORD = "sign_record"
    CO_SIGN_RECORD = "co_sign_record"
    MARK_ERROR = "mark_error"  # say that one's own record was made in the wrong chart or in error
    CONFIRM_ERROR = "confirm_error"  # or find that it was not; never of a record one has a hand in

    # Gates: which of the two may override is the protocol's to say; who is conducting the session may never
    OVERRIDE_GATE_SUPERVISOR = "override_gate_supervisor"
    OVERRIDE_GATE_PRESCRIBER = "override_gate_prescriber"

    # Supervision and tasks
    ENTER_DEVIATION = "enter_deviation"  # one that no requirement shows
    REVIEW_DEVIATION = "review_deviation"
    RUN_FIDELITY = "run_fidelity"  # rating forms, drawing sessions, naming raters, telling therapists
    RATE_ASSESSMENT = "rate_assessment"  # what one is the independent rater of, seeing nothing else of it
    RATE_FIDELITY = "rate_fidelity"  # rate a session one was named for, and never one's own
    TAKE_TASK = "take_task"  # own it, cover it, close it with what was done

    # The patient's link
    ANSWER_LINK = "answer_link"  # confirm a visit, answer a check-in
    SEND_LINK = "send_link"  # have a message with a link sent, or revoke one
    HANDLE_CONCERN = "handle_concern"  # read and answer what a patient says of their care

    # The house
    MANAGE_PEOPLE = "manage_people"  # memberships and roles
    HAND_OVER = "hand_over"  # an absence; a caseload, calls and safety tasks to a colleague between two dates
    NAME_DEPUTIES = "name_deputies"  # who acts for a supervisor who is away
    INVITE_REVIEWERS = "invite_reviewers"  # somebody from outside, to named courses until a date
    MANAGE_CREDENTIALS = "manage_credentials"  # licences and trainings of who works here
    MANAGE_ROOMS = "manage_rooms"
    MANAGE_CLINIC = "manage_clinic"  # phone, crisis lines, quiet hours, sender name
    MANAGE_MESSAGES = "manage_messages"  # send again, cancel
    CHANGE_NOTE_TEMPLATES = "change_note_templates"
    CHANGE_REVIEW_SETTINGS = "change_review_settings"  # co-signing, what is a trend, reporting clocks
    DRAFT_PROTOCOL = "draft_protocol"
    CONFIRM_FIGURES = "confirm_figures"  # a clinician answers for a protocol's unverified and own figures
    PUBLISH_PROTOCOL = "publish_protocol"  # approve, publish, retire; never what one has written
    MOVE_VERSION = "move_version"  # a course to another version of its protocol
    RECORD_LEGAL_BASIS = "record_legal_basis"  # what allows the clinic to follow a protocol
    VIEW_PROTOCOL = "view_protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    person_id: int
    from_at: datetime
    until_at: datetime


class Subject(Protocol):
    """What a condition may read. `invitations`: who from outside may review it, from when until when;
    `patient_id` is None where the subject is no patient's; `author_id` where
    nobody is the author. `care_team_ids` and `author_id` are ids of Person."""

    @property
    def clinic_id(self) -> int: ...
    @property
    def care_team_ids(self) -> frozenset[int]: ...
    @property
    def author_id(self) -> int | None: ...
    @property
    def patient_id(self) -> int | None: ...
    @property
    def invitations(self) -> Sequence[Invitation]: ...


class Asker(Protocol):
    """What a sentence reads of whoever acts; `clinic.actors.Actor` is one."""

    @property
    def kind(self) -> Literal["person", "patient", "system"]: ...
    @property
    def clinic_id(self) -> int: ...
    @property
    def person_id(self) -> int | None: ...
    @property
    def patient_id(self) -> int | None: ...
    @property
    def roles(self) -> frozenset[Role]: ...
    @property
    def at(self) -> datetime: ...
    @property
    def stands_in_for(self) -> frozenset[int]: ...


Condition = Callable[[Asker, Subject], bool]


def in_care_team(actor: Asker, subject: Subject) -> bool:
    """Of the team, or standing in for somebody who is."""
    return actor.person_id is not None and not subject.care_team_ids.isdisjoint(
        {actor.person_id, *actor.stands_in_for}
    )


def invited(actor: Asker, subject: Subject) -> bool:
    """From outside the clinic, to this course, and the day has not passed."""
    return any(
        one.person_id == actor.person_id and one.from_at <= actor.at < one.until_at
        for one in subject.invitations
    )


def not_author(actor: Asker, subject: Subject) -> bool:
    """Nobody reviews or co-signs their own work."""
    return subject.author_id is None or actor.person_id != subject.author_id


def is_author(actor: Asker, subject: Subject) -> bool:
    """What nobody but its author opens."""
    return subject.author_id is not None and actor.person_id == subject.author_id


def not_in_care_team(actor: Asker, subject: Subject) -> bool:
    return not in_care_team(actor, subject)


def own(actor: Asker, subject: Subject) -> bool:
    """The patient whose link it is."""
    return actor.patient_id is not None and actor.patient_id == subject.patient_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """`who` may do `what` when every condition holds. That the clinic is the same is always a condition."""

    who: Role | Literal["patient", "system"]
    what: Permission
    when: tuple[Condition, ...] = ()


def sentences(
    who: Role | Literal["patient", "system"], what: Iterable[Permission], *when: Condition
) -> tuple[Sentence, ...]:
    return tuple(Sentence(who=who, what=permission, when=when) for permission in what)


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseSubject:
    """A thing of the clinic that is no patient's: a room, a membership, the clinic itself."""

    clinic_id: int
    author_id: int | None = None
    care_team_ids: frozenset[int] = frozenset()
    patient_id: int | None = None
    invitations: Sequence[Invitation] = ()


# The acts of whoever looks after a patient; the same for each clinical role, on the patients they look after.
CARE = (
    Permission.VIEW_CHART,
    Permission.VIEW_CONTACT_DETAILS,
    Permission.EDIT_PATIENT,
    Permission.MOVE_STAGE,
    Permission.HOLD_COURSE,
    Permission.END_COURSE,
    Permission.STOP_DOSING,
    Permission.BOOK_SESSION,
    Permission.CHECK_IN,
    Permission.START_SESSION,
    Permission.END_SESSION,
    Permission.CONDUCT_SESSION,
    Permission.GIVE_DOSE,
    Permission.RECORD_VITALS,
    Permission.RECORD_CONTACT,
    Permission.RECORD_ASSESSMENT,
    Permission.RECORD_NOT_DONE,
    Permission.RECORD_CHART,
    Permission.RECORD_CONSENT,
    Permission.RECORD_ADVERSE_EVENT,
    Permission.WRITE_NOTE,
    Permission.AMEND_RECORD,
    Permission.SIGN_RECORD,
    Permission.TAKE_TASK,
    Permission.VIEW_TASKS,
    Permission.VIEW_DEVIATIONS,
    Permission.ENTER_DEVIATION,
    Permission.VIEW_ADHERENCE,
    Permission.VIEW_MESSAGES,
    Permission.SEND_LINK,
)

_table: set[Sentence] = set()
_by_who: dict[tuple[str, Permission], list[tuple[Condition, ...]]] = {}


def register(*new: Sentence) -> None:
    """Add sentences. Registering one twice changes nothing."""
    for sentence in new:
        if sentence not in _table:
            _table.add(sentence)
            _by_who.setdefault((sentence.who, sentence.what), []).append(sentence.when)


def registered() -> frozenset[Sentence]:
    return frozenset(_table)


def allows(actor: Asker, permission: Permission, subject: Subject) -> bool:
    """Deny unless a sentence says yes, and never across clinics."""
    if actor.clinic_id != subject.clinic_id:
        return False
    who: Iterable[str] = actor.roles if actor.kind == "person" else (actor.kind,)
    return any(
        all(condition(actor, subject) for condition in conditions)
        for one in who
        for conditions in _by_who.get((one, permission), ())
    )


def sees(actor: Asker, subject: Subject) -> bool:
    """Whether the subject exists at all for this actor."""
    seeing = Permission.VIEW_CLINIC if subject.patient_id is None else Permission.VIEW_PATIENT
    return allows(actor, seeing, subject)


def require(actor: Asker, permission: Permission, subject: Subject) -> None:
    """Return if allowed; else NotFound for what the actor may not see, Forbidden for what they may not do."""
    if allows(actor, permission, subject):
        return
    if sees(actor, subject):
        raise Forbidden(data={"permission": permission.value})
    raise NotFound()


_CLINIC_WIDE_READING = (
    Permission.VIEW_PATIENT,
    Permission.VIEW_CHART,
    Permission.VIEW_CONTACT_DETAILS,
    Permission.VIEW_TASKS,
    Permission.VIEW_DEVIATIONS,
    Permission.VIEW_ADHERENCE,
    Permission.VIEW_MESSAGES,
)

register(
    # Everybody who works in the clinic sees the clinic and its protocols.
    *(
        sentence
        for role in STAFF
        for sentence in sentences(role, (Permission.VIEW_CLINIC, Permission.VIEW_PROTOCOL))
    ),
    # A therapist: the patients whose care team they are in, and no others.
    *sentences(Role.THERAPIST, (Permission.VIEW_PATIENT, *CARE), in_care_team),
    *sentences(Role.THERAPIST, (Permission.ENROL_PATIENT,)),
    # A supervisor reads the whole clinic, reviews what others did, and cares for the patients of their own
    # team.
    *sentences(Role.SUPERVISOR, _CLINIC_WIDE_READING),
    *sentences(Role.SUPERVISOR, CARE, in_care_team),
    *sentences(
        Role.SUPERVISOR,
        (
            Permission.ENROL_PATIENT,
            Permission.CHANGE_CARE_TEAM,
            Permission.HOLD_COURSE,
            Permission.END_COURSE,
            Permission.TAKE_TASK,
            Permission.RECORD_CONTACT,
            Permission.OVERRIDE_GATE_SUPERVISOR,
            Permission.VIEW_EVENTS,
            Permission.EXPORT_RECORD,
            Permission.ENTER_DEVIATION,
            Permission.MANAGE_MESSAGES,
        ),
    ),
    *sentences(Role.SUPERVISOR, (Permission.REVIEW_DEVIATION, Permission.CO_SIGN_RECORD), not_author),
    # A prescriber reads the whole clinic, orders doses, answers medical gates, and cares for their own team's
    # patients.
    *sentences(Role.PRESCRIBER, _CLINIC_WIDE_READING),
    *sentences(Role.PRESCRIBER, CARE, in_care_team),
    *sentences(
        Role.PRESCRIBER,
        (
            Permission.ORDER_DOSE,
            Permission.OVERRIDE_GATE_PRESCRIBER,
            Permission.HOLD_COURSE,
            Permission.STOP_DOSING,
            Permission.RECORD_CHART,
            Permission.RECORD_ADVERSE_EVENT,
            Permission.RECORD_CONTACT,
            Permission.TAKE_TASK,
        ),
    ),
    # A coordinator arranges: patients, bookings, calls; not the clinical record.
    *sentences(
        Role.COORDINATOR,
        (
            Permission.VIEW_PATIENT,
            Permission.VIEW_CONTACT_DETAILS,
            Permission.VIEW_TASKS,
            Permission.VIEW_MESSAGES,
            Permission.ENROL_PATIENT,
            Permission.EDIT_PATIENT,
            Permission.CHANGE_CARE_TEAM,
            Permission.BOOK_SESSION,
            Permission.CHECK_IN,
            Permission.RECORD_CONTACT,
            Permission.TAKE_TASK,
            Permission.SEND_LINK,
            Permission.MANAGE_MESSAGES,
            Permission.MANAGE_ROOMS,
        ),
    ),
    # An administrator runs the house and sees no patient.
    *sentences(
        Role.ADMINISTRATOR,
        (
            Permission.MANAGE_PEOPLE,
            Permission.MANAGE_ROOMS,
            Permission.MANAGE_CLINIC,
            Permission.VIEW_EVENTS,
            Permission.DRAFT_PROTOCOL,
            Permission.PUBLISH_PROTOCOL,
            Permission.RECORD_LEGAL_BASIS,
        ),
    ),
    # What leaves the house as a file: the record of whom one looks after, or reviews from outside; a
    # supervisor anybody's. The clinic's month is numbers of the whole, also for who sees no patient.
    *(
        sentence
        for role in (Role.THERAPIST, Role.PRESCRIBER)
        for sentence in sentences(role, (Permission.EXPORT_REPORT,), in_care_team)
    ),
    *sentences(Role.SUPERVISOR, (Permission.EXPORT_REPORT, Permission.EXPORT_CLINIC_REPORT)),
    *sentences(Role.ADMINISTRATOR, (Permission.EXPORT_CLINIC_REPORT,)),
    *sentences(Role.OUTSIDE_REVIEWER, (Permission.EXPORT_REPORT,), invited),
    # What was entered in error: whoever entered it says so, a clinician without a hand in it confirms it.
    *(sentence for role in Role for sentence in sentences(role, (Permission.MARK_ERROR,), is_author)),
    *sentences(Role.THERAPIST, (Permission.CONFIRM_ERROR,), in_care_team, not_author),
    *(
        sentence
        for role in (Role.SUPERVISOR, Role.PRESCRIBER)
        for sentence in sentences(role, (Permission.CONFIRM_ERROR,), not_author)
    ),
    *sentences(Role.SUPERVISOR, (Permission.RUN_FIDELITY, Permission.MANAGE_CREDENTIALS)),
    *(
        sentence
        for role in (Role.THERAPIST, Role.SUPERVISOR, Role.PRESCRIBER)
        for sentence in sentences(role, (Permission.RATE_FIDELITY, Permission.RATE_ASSESSMENT))
    ),
    *sentences(Role.SUPERVISOR, (Permission.DRAFT_PROTOCOL, Permission.PUBLISH_PROTOCOL)),
    *(
        sentence
        for role in (Role.SUPERVISOR, Role.PRESCRIBER)
        for sentence in sentences(role, (Permission.CONFIRM_FIGURES, Permission.MOVE_VERSION))
    ),
    *(
        sentence
        for role in (Role.THERAPIST, Role.SUPERVISOR, Role.PRESCRIBER)
        for sentence in (
            *sentences(role, (Permission.READ_PSYCHOTHERAPY_NOTE,), is_author),
            *sentences(role, (Permission.WRITE_PSYCHOTHERAPY_NOTE,), is_author, in_care_team),
        )
    ),
    *(
        sentence
        for role in (Role.SUPERVISOR, Role.ADMINISTRATOR)
        for sentence in sentences(role, (Permission.CHANGE_NOTE_TEMPLATES, Permission.CHANGE_REVIEW_SETTINGS))
    ),
    # What a patient says of their care is never for those who give it; whom it is for, the record says.
    *(
        sentence
        for role in STAFF
        for sentence in sentences(role, (Permission.HANDLE_CONCERN,), not_in_care_team)
    ),
    # Everybody hands over their own work and says when they are away; who assigns care teams, others' too.
    *(sentence for role in STAFF for sentence in sentences(role, (Permission.HAND_OVER,), is_author)),
    *sentences(
        Role.SUPERVISOR, (Permission.HAND_OVER, Permission.NAME_DEPUTIES, Permission.INVITE_REVIEWERS)
    ),
    *sentences(Role.COORDINATOR, (Permission.HAND_OVER,)),
    # Somebody from outside: the named courses, until the day; to read and to judge, and nothing else.
    *sentences(
        Role.OUTSIDE_REVIEWER,
        (
            Permission.VIEW_PATIENT,
            Permission.VIEW_CHART,
            Permission.VIEW_DEVIATIONS,
            Permission.VIEW_ADHERENCE,
        ),
        invited,
    ),
    *sentences(
        Role.OUTSIDE_REVIEWER,
        (Permission.REVIEW_DEVIATION, Permission.CO_SIGN_RECORD),
        invited,
        not_author,
        not_in_care_team,
    ),
    # A patient, by the link they were sent: their own things, and only what the link is for.
    *sentences("patient", (Permission.VIEW_PATIENT, Permission.ANSWER_LINK), own),
    # The loops: they look, cancel and open tasks; they never treat.
    *sentences(
        "system",
        (Permission.VIEW_CLINIC, Permission.VIEW_PATIENT, Permission.VIEW_CHART, Permission.MANAGE_MESSAGES),
    ),
)
