"""What happened to one patient, as frozen facts: the closed list of everything the engine can take as
evidence.

Knows no database; `sessions/queries/history.py` is the only builder of a History.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.rules.values import made_fast
from protocols.rules.definition import ProtocolDefinition, SessionKind


class Mode(StrEnum):
    IN_PERSON = "in_person"
    VIDEO = "video"
    PHONE = "phone"
    LINK = "link"  # the patient answered from the link


# --- sessions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHeld:
    """A session took place: started, and ended unless it is still under way. The fact's key is what it was
    held for (None when unscheduled). Times are the amended actual ones."""

    record_id: UUID
    kind: SessionKind
    started_at: datetime
    ended_at: datetime | None
    mode: Mode = Mode.IN_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffPresent:
    """One of the care team was with the patient from when to when (None: until the session ended). `roles`
    are theirs in the clinic that day; empty: not known."""

    record_id: UUID
    person_id: int
    from_at: datetime
    until_at: datetime | None
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistTicked:
    """An item of a session's checklist, or of the release list, was done (or not: `done=False`)."""

    record_id: UUID
    item: str
    done: bool
    person_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEventsAsked:
    """The adverse-event question of a dosing session was answered."""

    record_id: UUID
    any_reported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentNoted:
    """One tap: something worth noting happened at this moment; the words may come later."""

    record_id: UUID
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeNoted:
    """A theme of the conversation as the therapist names it, with the patient's own words for it."""

    record_id: UUID
    theme: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTimesCorrected:
    """The actual times of a session, corrected. History puts them in place of the record's own."""

    record_id: UUID
    started_at: datetime
    ended_at: datetime | None


# --- doses and vital signs ----------------------------------------------------------------------------------


class DosePart(StrEnum):
    INITIAL = "initial"
    SUPPLEMENT = "supplement"


class Intake(StrEnum):
    FULL = "full"
    PARTIAL = "partial"
    VOMITED = "vomited"
    ABORTED = "aborted"
    NOT_TAKEN = "not_taken"  # no drug entered the body: consumes no cycle and starts no clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseOrdered:
    """The prescriber's recorded choice for one cycle."""

    cycle: int
    amount: Decimal
    unit: str
    supplement_allowed: bool
    person_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseGiven:
    record_id: UUID
    part: DosePart
    amount: Decimal
    unit: str
    intake: Intake
    given_by: int
    checked_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseWithheld:
    record_id: UUID
    part: DosePart
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsTaken:
    """A reading; absent measures are None. mmHg, beats/min, °C; distress is SUDS 0-10; oxygen is the
    saturation in %, breaths are per minute."""

    record_id: UUID
    systolic: int | None = None
    diastolic: int | None = None
    pulse: int | None = None
    temperature: Decimal | None = None
    distress: int | None = None
    oxygen: int | None = None
    breaths: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounted:
    """How many patients and facilitators a group session holds from this moment, and the largest total that
    any one of the patients has been given in it (`unit`)."""

    record_id: UUID
    patients: int
    facilitators: int
    largest_amount: Decimal
    unit: str


# --- chart --------------------------------------------------------------------------------------------------


class ConsentState(StrEnum):
    GIVEN = "given"
    NARROWED = "narrowed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChanged:
    """A consent for one scope (treatment, recording, touch.hand, data_sharing …) was given, narrowed or
    withdrawn."""

    scope: str
    state: ConsentState
    document_version: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecorded:
    """An eligibility answer or a test result. `value` is a word ("negative", "yes") or a number in `unit`."""

    test: str
    value: str | Decimal
    unit: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicineListed:
    """A medicine the patient takes or took. `classes` are the words washouts are listed under (ssri, maoi
    …)."""

    name: str
    classes: frozenset[str]
    dose: str
    last_taken_on: date | None  # None: still taking it
    washout_cleared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartItemRecorded:
    """Allergies, weight, emergency contact, escort, intention, medicines reviewed; the detail is not the
    engine's."""

    item: str  # ChartItem
    cycle: int | None
    detail: str
    number: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEventRecorded:
    term: str
    severity: str  # mild, moderate, severe
    serious: bool
    outcome: str
    onset_at: datetime


# --- assessments and contacts -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentAnswered:
    """An instrument was completed. `by` is patient, therapist or independent_rater. `language` is the one in
    which the patient read it or was asked it, `wording` the id of the clinic's wording; both empty where the
    patient did not answer it themselves or there are no words of it, `wording` where they came with the
    product."""

    instrument: str
    by: str
    answers: tuple[tuple[str, int | None], ...]
    total: int | None
    mode: Mode
    language: str = ""
    wording: str = ""


class ContactResult(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    DECLINED = "declined"  # the patient declined this contact, on record
    WRONG_NUMBER = "wrong_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMade:
    """A contact, or an attempt. Only REACHED is a contact made; a message sent or a link unopened never is.
    A day-after check-in answered by the patient is REACHED by LINK."""

    result: ContactResult
    mode: Mode
    safe: bool | None  # what the patient said: feels safe
    wants_call: bool = False
    patient_location: str = ""  # when remote and unscheduled: where the patient was
    call_back_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """A message that is a step of a ladder was taken by its channel. `step` is the step's key; the fact's own
    key names what it was about. Never a contact."""

    step: str
    channel: str


class RiskFound(StrEnum):
    """The assessor's own judgement, in the words that triage uses; no score and no threshold of ours."""

    NONE = "none"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAssessed:
    """A person assessed the risk after an answer that worries: who, what they found, and what was agreed with
    the patient. `task` is the public id of the task that asked for it."""

    task: UUID
    assessed_by: int
    risk: RiskFound
    found: str
    agreed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """What was decided when nobody had been reached. The fact's key is the step's."""

    what: str


# --- decisions and the course -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMade:
    """What was chosen for a decision of the protocol, and why. The fact's key is the decision's, with its
    cycle where it has one. Made anew, the latest counts."""

    decision: str  # DecisionRule.code
    choice: str  # DecisionChoice.code
    reason: str
    person_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFiled:
    """A form or report was signed, handed over or filed. `reference`: what the receiver calls it."""

    form: str
    reference: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskBenefitDocumented:
    """Why the benefit outweighs the risk of going on beyond the threshold of the requirement named by the
    fact's key, for one act: of the session `session_key`, or of the record under way."""

    record_id: UUID | None
    session_key: str = ""
    reason: str
    person_id: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """The requirement named by the fact's key will not be done, with a reason."""

    reason: str
    cause: str = "clinic"  # clinic, patient_declined, patient_unreachable, outside_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """The requirement named by the fact's key was overridden for one act, with a reason. `record_id` names
    the session it served, once that has started; `session_key` the one it was meant for; `people`, whom of
    the clinic it lets hold the session, where it is about people. None named: whoever does."""

    record_id: UUID | None
    session_key: str = ""
    reason: str
    person_id: int
    role: str
    people: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DosingStopped:
    """A clinical decision that no further dosing session follows after `after_cycle`."""

    after_cycle: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionMoved:
    """The course went on under another version of its protocol. `reconsent`: the scopes that the patient is
    asked to consent to anew; `undoes`: the move that this one takes back."""

    move_id: UUID
    to_version: str
    reconsent: frozenset[str] = frozenset()
    undoes: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldBegun:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded:
    pass


class EndKind(StrEnum):
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    DISCONTINUED = "discontinued"
    DECEASED = "deceased"


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseEnded:
    kind: EndKind
    reason: str


FactValue = (
    SessionHeld
    | StaffPresent
    | ChecklistTicked
    | AdverseEventsAsked
    | MomentNoted
    | ThemeNoted
    | SessionTimesCorrected
    | DoseOrdered
    | DoseGiven
    | DoseWithheld
    | VitalsTaken
    | GroupCounted
    | ConsentChanged
    | ResultRecorded
    | MedicineListed
    | ChartItemRecorded
    | AdverseEventRecorded
    | AssessmentAnswered
    | ContactMade
    | MessageSent
    | StepTaken
    | RiskAssessed
    | DecisionMade
    | FormFiled
    | RiskBenefitDocumented
    | NotDone
    | Override
    | DosingStopped
    | VersionMoved
    | HoldBegun
    | HoldEnded
    | CourseEnded
)


class FactSource(StrEnum):
    STAFF = "staff"
    PATIENT = "patient"
    PAPER = "paper"  # entered from a paper sheet
    HISTORY = "history"  # entered at go-live as having happened before
    IMPORT = "import"


@made_fast
@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened. Three clocks: when it occurred, when the clinic became aware, when it was
    recorded."""

    id: UUID
    key: str | None
    occurred_at: datetime
    aware_at: datetime
    recorded_at: datetime
    observed_by: int | None
    entered_by: int | None
    source: FactSource
    amends: UUID | None
    value: FactValue

    def __hash__(self) -> int:
        return hash(self.id)  # no two facts share one; the value need not be gone through


def in_order(fact: Fact) -> tuple[datetime, datetime, int]:
    """Sorts facts by when they occurred; of one instant, by when they were recorded."""
    return fact.occurred_at, fact.recorded_at, fact.id.int


Somebody = tuple[int, frozenset[str]]
"""Somebody of the clinic, with their roles; no roles: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A live booking; may lie in the future. `people` are the staff that it takes."""

    id: UUID
    key: str
    starts_at: datetime
    ends_at: datetime
    people: tuple[Somebody, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCredential:
    """What somebody is licensed for or trained in, from which to which day, both included."""

    id: UUID
    person_id: int
    kind: str
    code: str
    from_on: date
    until_on: date | None

    def in_force_on(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or day <= self.until_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What rules need that is not this course's history. `attributes` are chart flags such as
    can_become_pregnant; `earlier_doses`, when this patient was dosed at this clinic in other courses;
    `died`, that another course of theirs ended by their death;
    `care_team`, everyone who was ever on the course's team or stood in for somebody of it, each with since
    when; `legal`, the spans of days, both included, in which the clinic may follow the protocol, None where
    nobody asks (the demo);
    `credentials`, what the people of its team and its sessions hold or held; `leads`, who led its care team
    from when to when;
    `answer_by`, the clinic's own hour for answers, in place of the protocol's; `mail_from_days`, how far
    ahead a visit is announced by mail rather than by text; `visit_reminder_days`, on which days ahead, in
    place of the protocol's."""

    zone: ZoneInfo
    attributes: frozenset[str] = frozenset()
    earlier_doses: tuple[datetime, ...] = ()
    died: bool = False
    answer_by: time | None = None
    mail_from_days: int | None = None
    visit_reminder_days: tuple[int, ...] = ()
    care_team: tuple[tuple[int, datetime], ...] = ()
    legal: tuple[tuple[date, date | None], ...] | None = None
    credentials: tuple[HeldCredential, ...] = ()
    leads: tuple[tuple[int, datetime, datetime | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The course followed this version until then."""

    version_id: int
    definition: ProtocolDefinition
    until: datetime


LONGEST_WAIT = timedelta(minutes=1)  # of one write for another on the same course


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is known of one course. `live_from` is the go-live instant: nothing that came due before it is
    a deviation or a message."""

    course_id: int
    enrolled_at: datetime
    live_from: datetime
    setting: Setting
    arm: str | None = None
    facts: frozenset[Fact] = field(default_factory=frozenset)
    bookings: frozenset[Booking] = field(default_factory=frozenset)
    earlier: tuple[Period, ...] = ()  # the versions it followed before the present one, oldest first

    def present(self, now: datetime) -> datetime:
        """`now`, or the instant of the last record where that is later: whoever pressed first and then waited
        for a colleague's write acts after it, and must know of it. What was recorded later than anybody waits
        was recorded by a clock that was ahead, and moves nothing."""
        horizon = now + LONGEST_WAIT
        return max([now, *(fact.recorded_at for fact in self.facts if fact.recorded_at <= horizon)])
