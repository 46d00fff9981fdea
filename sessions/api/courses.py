"""Courses: enrolling, the chart's summary, what the protocol asks, what stands in the way, and every move."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Number, OneOf, Text, Whole, YesNo
from clinic.api.problems import StrictSerializer
from clinic.permissions import Permission
from protocols.rules.definition import Move
from sessions.api.door import Door, NewRowInput, NothingInput, ReasonInput, described
from sessions.api.facts import FactOut, fact_out
from sessions.models import Course, FactRecord
from sessions.models.courses import TeamRole
from sessions.operations import workflow
from sessions.operations.enrolment import change_care_team, enrol_patient
from sessions.queries.arranging import team_of
from sessions.queries.chart import chart
from sessions.queries.courses import course_for
from sessions.queries.reviewers import nobody_reviews
from sessions.queries.standing import course_requirements, standing_gates


class CareTeamInput(StrictSerializer):
    lead_therapist = Id()
    co_therapist = Id(required=False)
    prescriber = Id(required=False)
    supervisor = Id(required=False)
    independent_rater = Id(required=False)


class EnrolPatientInput(NewRowInput):
    patient_id = Id()
    protocol_version_id = Id()
    team = CareTeamInput()
    enrolled_at = Instant()
    live_from = Instant(
        required=False, help_text="For a patient already in treatment: nothing due before it is a deviation."
    )
    arm = Text(max_length=60, required=False, allow_blank=True)


class ChangeCareTeamInput(StrictSerializer):
    team_role = OneOf(TeamRole)
    person_id = Id()
    reason = Text()


class DiscontinueCourseInput(ReasonInput):
    deceased = YesNo(required=False)


class StopDosingInput(NewRowInput):
    reason = Text(allow_blank=True)
    after_cycle = Whole(min_value=0, max_value=99)


class GatesQuery(StrictSerializer):
    move = OneOf(Move)
    key = serializers.CharField(max_length=200, required=False, help_text="Of the session; none to complete.")


class CourseOut(Serializer[Any]):
    id = Id(source="public_id")
    patient_id = Id(source="patient.public_id")
    patient = Text(source="patient.code")
    protocol_version_id = Id(source="protocol_version.public_id")
    status = Text()
    arm = Text()
    enrolled_at = Instant()
    live_from = Instant()
    end_reason = Text()
    met_weight = Number()
    due_weight = Number()


class EnrolledOut(CourseOut):
    nobody_reviews = serializers.ListField(
        child=Text(),
        help_text="Of the care team, whose work nobody in this clinic may review: nobody reviews their own. "
        "A warning; the patient is enrolled.",
    )


class TeamMemberOut(Serializer[Any]):
    person_id = Id()
    name = Text()
    team_role = Text()


class CareTeamOut(Serializer[Any]):
    items = TeamMemberOut(many=True)
    nobody_reviews = serializers.ListField(
        child=Text(), help_text="Of them, whose work nobody in this clinic may review. A warning."
    )


class GateOut(Serializer[Any]):
    key = Text()
    what = Text()
    why = Text()
    status = Text()
    override = serializers.ListField(child=Text(), help_text="Roles that may override it; none: nobody may.")
    can_override = serializers.BooleanField()


class GatesOut(Serializer[Any]):
    items = GateOut(many=True)


class RequirementOut(Serializer[Any]):
    key = Text()
    rule = Text()
    kind = Text()
    what = Text()
    status = Text()
    words = Text()
    firm = serializers.BooleanField()
    target_at = Instant(allow_null=True)
    opens_at = Instant(allow_null=True)
    due_at = Instant(allow_null=True)
    closes_at = Instant(allow_null=True)
    settled_at = Instant(allow_null=True)
    booking_id = Id(source="booking.public_id", default=None, allow_null=True)
    record_id = Id(source="record.public_id", default=None, allow_null=True)
    important = serializers.BooleanField()
    safety = serializers.BooleanField()
    deviation = serializers.BooleanField()


class RequirementsOut(Serializer[Any]):
    items = RequirementOut(many=True)


class StageOut(Serializer[Any]):
    code = Text()
    cycle = serializers.IntegerField(allow_null=True)
    what = Text()
    status = Text()


class HeldOut(Serializer[Any]):
    id = Id(source="public_id")
    key = Text(allow_null=True)
    kind = Text()
    mode = Text()
    status = Text()
    started_at = Instant()
    ended_at = Instant(allow_null=True)


class ChartDeviationOut(Serializer[Any]):
    id = Id(source="public_id")
    key = Text()
    status = Text()
    important = serializers.BooleanField()
    raised_at = Instant()
    reviewed_at = Instant(allow_null=True)
    documented_late_at = Instant(allow_null=True)


class ChartOut(Serializer[Any]):
    course = CourseOut()
    name = Text(source="banner.name")
    pronouns = Text(source="banner.pronouns")
    age = serializers.IntegerField(source="banner.age")
    allergies = Text(source="banner.allergies", allow_null=True)
    safety = serializers.BooleanField(source="banner.safety")
    flags = serializers.ListField(
        child=Text(), source="banner.flags", help_text="To be known at every visit, in words."
    )
    stage = Text(source="banner.stage")
    protocol = Text(source="banner.protocol")
    protocol_version = Text(source="banner.protocol_version")
    consent = Text(source="banner.consent")
    next_due = Text(source="banner.next_due")
    next_due_at = Instant(source="banner.next_due_at", allow_null=True)
    next_key = Text()
    next_what = Text()
    gates = GateOut(many=True)
    stages = StageOut(many=True)
    sessions = HeldOut(many=True, source="records")
    deviations = ChartDeviationOut(many=True)
    team = TeamMemberOut(many=True)
    actions = serializers.ListField(child=Text(), source="course_actions")


class Courses(Door):
    @described("enrol_patient", takes=EnrolPatientInput, gives=EnrolledOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(EnrolPatientInput)
        sent["team"] = {TeamRole(place): person for place, person in sent["team"].items()}
        again = self.again(Course, sent)
        course = enrol_patient(actor=self.actor, now=self.actor.at, **sent)
        course.nobody_reviews = nobody_reviews(course, now=self.actor.at)  # type: ignore[attr-defined]
        return self.gives(EnrolledOut, course, again=again)


class CourseChart(Door):
    @described("read_chart", gives=ChartOut)
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        return self.gives(ChartOut, chart(self.actor, course, now=self.actor.at))


class CourseRequirements(Door):
    @described("list_requirements", gives=RequirementsOut)
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        return self.gives(RequirementsOut, {"items": course_requirements(self.actor, course)})


class CourseGates(Door):
    @described("list_gates", asks=GatesQuery, gives=GatesOut, summary="What stands in the way of a move")
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        asked = self.asked(GatesQuery)
        found = standing_gates(
            self.actor, course, move=asked["move"], key=asked.get("key"), now=self.actor.at
        )
        return self.gives(GatesOut, {"items": found})


class CourseCareTeam(Door):
    @described("change_care_team", takes=ChangeCareTeamInput, gives=CareTeamOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(ChangeCareTeamInput)
        member = change_care_team(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        warned = nobody_reviews(member.course, now=self.actor.at)
        return self.gives(CareTeamOut, {"items": team_of(member.course), "nobody_reviews": warned})


class CourseDoor(Door):
    def course_now(self, course: UUID) -> Response:
        """The course as it stands after the move."""
        return self.gives(CourseOut, course_for(self.actor, course, Permission.VIEW_PATIENT))


class PutCourseOnHold(CourseDoor):
    @described("put_course_on_hold", takes=ReasonInput, gives=CourseOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(ReasonInput)
        workflow.put_course_on_hold(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.course_now(course)


class ResumeCourse(CourseDoor):
    @described("resume_course", takes=NothingInput, gives=CourseOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        self.sent(NothingInput)
        workflow.resume_course(actor=self.actor, course_id=course, now=self.actor.at)
        return self.course_now(course)


class CompleteCourse(CourseDoor):
    @described("complete_course", takes=NothingInput, gives=CourseOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        self.sent(NothingInput)
        workflow.complete_course(actor=self.actor, course_id=course, now=self.actor.at)
        return self.course_now(course)


class WithdrawPatient(CourseDoor):
    @described("withdraw_patient", takes=ReasonInput, gives=CourseOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(ReasonInput)
        workflow.withdraw_patient(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.course_now(course)


class DiscontinueCourse(CourseDoor):
    @described("discontinue_course", takes=DiscontinueCourseInput, gives=CourseOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(DiscontinueCourseInput)
        workflow.discontinue_course(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.course_now(course)


class StopDosing(Door):
    @described("stop_dosing", takes=StopDosingInput, gives=FactOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(StopDosingInput)
        again = self.again(FactRecord, sent)
        fact = workflow.stop_dosing(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(fact), again=again)
