"""The team: who is away and who stands in, deputies, credentials, reviewers from outside; and what a
supervisor oversees."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, OneOf, Text, YesNo
from clinic.api.problems import StrictSerializer
from clinic.models import Absence, Credential, CredentialKind, Deputy, Handover
from clinic.operations import absences, credentials
from sessions.api.door import Door, NewRowInput, ReasonInput, WhyInput, described
from sessions.api.tasks import TaskOut
from sessions.operations.inviting import end_invitation, invite_reviewer
from sessions.queries.oversight import oversight
from sessions.queries.reviewers import invitations
from sessions.queries.team import team


class RecordAbsenceInput(NewRowInput):
    person_id = Id()
    from_on = serializers.DateField()
    until_on = serializers.DateField(help_text="The last day away, in the clinic's zone.")
    stand_in = Id(required=False, help_text="Has their caseload, calls and safety tasks on these days.")
    reason = Text(help_text="Nothing about anybody's health.")


class HandOverInput(NewRowInput):
    giver_id = Id()
    taker_id = Id()
    from_on = serializers.DateField()
    until_on = serializers.DateField(help_text="The last day, in the clinic's zone.")
    caseload = YesNo(required=False)
    calls = YesNo(required=False)
    safety_tasks = YesNo(required=False)
    reason = Text()


class NameDeputyInput(NewRowInput):
    supervisor_id = Id()
    deputy_id = Id()
    from_on = serializers.DateField()
    until_on = serializers.DateField(required=False, allow_null=True)
    reason = Text()


class RecordCredentialInput(NewRowInput):
    person_id = Id()
    kind = OneOf(CredentialKind)
    code = Text(max_length=60)
    title = Text(max_length=200)
    number = Text(max_length=100, required=False, allow_blank=True)
    issuer = Text(max_length=200, required=False, allow_blank=True)
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(required=False, allow_null=True)
    reason = Text()


class WithdrawCredentialInput(ReasonInput):
    from_on = serializers.DateField(
        required=False, allow_null=True, help_text="Without it: entered in error, it never counted."
    )


class InviteReviewerInput(StrictSerializer):
    email = serializers.EmailField()
    printed_name = Text(max_length=200)
    course_ids = serializers.ListField(child=Id(), max_length=200)
    until_on = serializers.DateField(help_text="The last day, in the clinic's zone.")
    reason = Text()


class AbsenceOut(Serializer[Any]):
    id = Id(source="public_id")
    person_id = Id(source="person.public_id")
    from_on = serializers.DateField()
    until_on = serializers.DateField()
    from_at = Instant()
    until_at = Instant()


class HandoverOut(Serializer[Any]):
    id = Id(source="public_id")
    giver_id = Id(source="giver.public_id")
    taker_id = Id(source="taker.public_id")
    from_on = serializers.DateField()
    until_on = serializers.DateField()
    from_at = Instant()
    until_at = Instant()
    caseload = serializers.BooleanField()
    calls = serializers.BooleanField()
    safety_tasks = serializers.BooleanField()


class DeputyOut(Serializer[Any]):
    id = Id(source="public_id")
    supervisor_id = Id(source="supervisor.public_id")
    deputy_id = Id(source="deputy.public_id")
    from_on = serializers.DateField()
    until_on = serializers.DateField(allow_null=True)
    until_at = Instant(allow_null=True)


class CredentialOut(Serializer[Any]):
    id = Id(source="public_id")
    person_id = Id(source="person.public_id")
    kind = Text()
    code = Text()
    title = Text()
    number = Text()
    issuer = Text()
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True)
    withdrawn_from = serializers.DateField(allow_null=True)


class TeamAwayOut(Serializer[Any]):
    id = Id(source="absence_id")
    name = Text()
    from_on = serializers.DateField()
    until_on = serializers.DateField()
    now = serializers.BooleanField()
    stand_ins = serializers.ListField(child=Text())


class TeamHandoverOut(Serializer[Any]):
    id = Id(source="handover_id")
    giver = Text()
    taker = Text()
    from_on = serializers.DateField()
    until_on = serializers.DateField()
    now = serializers.BooleanField()
    caseload = serializers.BooleanField()
    calls = serializers.BooleanField()
    safety_tasks = serializers.BooleanField()


class TeamDeputyOut(Serializer[Any]):
    id = Id(source="deputy_id")
    supervisor = Text()
    deputy = Text()
    from_on = serializers.DateField()
    until_on = serializers.DateField(allow_null=True)
    acts_now = serializers.BooleanField()


class TeamCredentialOut(Serializer[Any]):
    id = Id(source="credential_id")
    person_id = Id()
    name = Text()
    kind = Text()
    code = Text()
    title = Text()
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True)
    state = Text(help_text="in_force, expiring, expired, not_yet or withdrawn.")


class TeamOut(Serializer[Any]):
    away = TeamAwayOut(many=True)
    handovers = TeamHandoverOut(many=True)
    deputies = TeamDeputyOut(many=True)
    credentials = TeamCredentialOut(many=True)


class InvitationOut(Serializer[Any]):
    id = Id(source="invitation_id")
    course_id = Id()
    patient = Text()
    name = Text()
    until_on = serializers.DateField()
    invited_by = Text()


class InvitationsOut(Serializer[Any]):
    items = InvitationOut(many=True)


class WaitingDeviationOut(Serializer[Any]):
    id = Id(source="deviation_id")
    patient = Text()
    what = Text()
    words = Text()
    important = serializers.BooleanField()
    since = Instant()


class OffTrackOut(Serializer[Any]):
    course_id = Id()
    patient = Text()
    overdue = serializers.IntegerField()
    since = Instant()


class OverdueOut(Serializer[Any]):
    course_id = Id()
    key = Text()
    patient = Text()
    what = Text()
    safety = serializers.BooleanField()
    since = Instant()


class AwayNowOut(Serializer[Any]):
    name = Text()
    since = serializers.DateField()
    until_on = serializers.DateField()
    stand_in = Text()


class DrugVarianceOut(Serializer[Any]):
    record_id = Id()
    patient = Text()
    what = Text()
    words = Text()
    why = Text()
    by = Text()
    since = Instant()


class OpenTrendOut(Serializer[Any]):
    id = Id(source="trend_id")
    scope = Text(help_text="clinic, protocol or therapist.")
    where = Text()
    what = Text()
    count = serializers.IntegerField()
    since = Instant(source="raised_at")


class AgreedActionOut(Serializer[Any]):
    task = TaskOut()
    deviation_id = Id()
    deviation = Text(help_text="What departed, in the protocol's words.")
    to_do = Text(help_text="Empty for the check whether actions worked.")


class AwayVisitOut(Serializer[Any]):
    booking_id = Id()
    course_id = Id()
    key = Text()
    patient = Text()
    what = Text()
    starts_at = Instant()
    name = Text(help_text="Of whom it is booked with and who is away then.")
    since = Instant(help_text="When the absence was recorded.")


class OversightOut(Serializer[Any]):
    deviations = WaitingDeviationOut(many=True)
    deviation_count = serializers.IntegerField()
    important_count = serializers.IntegerField()
    drugs = WaitingDeviationOut(many=True)
    drug_count = serializers.IntegerField()
    drug_variances = DrugVarianceOut(
        many=True, source="variances.rows", help_text="Withheld or not taken in full, in the last 30 days."
    )
    withheld_count = serializers.IntegerField(source="variances.withheld")
    wasted_count = serializers.IntegerField(source="variances.wasted")
    trends = OpenTrendOut(many=True)
    trend_count = serializers.IntegerField()
    actions = AgreedActionOut(many=True)
    action_count = serializers.IntegerField()
    off_track = OffTrackOut(many=True)
    off_track_count = serializers.IntegerField()
    follow_ups = OverdueOut(many=True)
    follow_up_count = serializers.IntegerField()
    safety = TaskOut(many=True)
    safety_count = serializers.IntegerField()
    unowned = TaskOut(many=True)
    unowned_count = serializers.IntegerField()
    credentials = TeamCredentialOut(many=True)
    credential_count = serializers.IntegerField()
    away = AwayNowOut(many=True)
    visits_away = AwayVisitOut(many=True)
    visits_away_count = serializers.IntegerField()


class Oversight(Door):
    @described("read_oversight", gives=OversightOut, summary="What a supervisor oversees, longest first")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(OversightOut, oversight(self.actor, now=self.actor.at))


class Team(Door):
    @described("read_team", gives=TeamOut, summary="Who is away, who stands in, and credentials")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(TeamOut, team(self.actor, now=self.actor.at))


class Absences(Door):
    @described("record_absence", takes=RecordAbsenceInput, gives=AbsenceOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(RecordAbsenceInput)
        again = self.again(Absence, sent)
        row = absences.record_absence(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(AbsenceOut, row, again=again)


class EndAbsence(Door):
    @described("end_absence", takes=WhyInput, gives=AbsenceOut)
    def post(self, request: Request, slug: str, absence: UUID) -> Response:
        sent = self.sent(WhyInput)
        row = absences.end_absence(actor=self.actor, absence_id=absence, now=self.actor.at, **sent)
        return self.gives(AbsenceOut, row)


class Handovers(Door):
    @described("hand_over", takes=HandOverInput, gives=HandoverOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(HandOverInput)
        again = self.again(Handover, sent)
        row = absences.hand_over(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(HandoverOut, row, again=again)


class TakeBack(Door):
    @described("take_back", takes=WhyInput, gives=HandoverOut, summary="End a handover now")
    def post(self, request: Request, slug: str, handover: UUID) -> Response:
        sent = self.sent(WhyInput)
        row = absences.take_back(actor=self.actor, handover_id=handover, now=self.actor.at, **sent)
        return self.gives(HandoverOut, row)


class Deputies(Door):
    @described("name_deputy", takes=NameDeputyInput, gives=DeputyOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(NameDeputyInput)
        again = self.again(Deputy, sent)
        row = absences.name_deputy(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(DeputyOut, row, again=again)


class ReleaseDeputy(Door):
    @described("release_deputy", takes=WhyInput, gives=DeputyOut)
    def post(self, request: Request, slug: str, deputy: UUID) -> Response:
        sent = self.sent(WhyInput)
        row = absences.release_deputy(actor=self.actor, deputy_id=deputy, now=self.actor.at, **sent)
        return self.gives(DeputyOut, row)


class Credentials(Door):
    @described("record_credential", takes=RecordCredentialInput, gives=CredentialOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(RecordCredentialInput)
        again = self.again(Credential, sent)
        row = credentials.record_credential(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(CredentialOut, row, again=again)


class WithdrawCredential(Door):
    @described("withdraw_credential", takes=WithdrawCredentialInput, gives=CredentialOut)
    def post(self, request: Request, slug: str, credential: UUID) -> Response:
        sent = self.sent(WithdrawCredentialInput)
        row = credentials.withdraw_credential(
            actor=self.actor, credential_id=credential, now=self.actor.at, **sent
        )
        return self.gives(CredentialOut, row)


class ReviewInvitations(Door):
    @described("list_review_invitations", gives=InvitationsOut, summary="Reviewers from outside")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(InvitationsOut, {"items": invitations(self.actor, now=self.actor.at)})

    @described("invite_reviewer", takes=InviteReviewerInput, gives=InvitationsOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(InviteReviewerInput)
        invite_reviewer(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(InvitationsOut, {"items": invitations(self.actor, now=self.actor.at)})


class EndReviewInvitation(Door):
    @described("end_review_invitation", takes=WhyInput, gives=InvitationsOut)
    def post(self, request: Request, slug: str, invitation: UUID) -> Response:
        sent = self.sent(WhyInput)
        end_invitation(actor=self.actor, invitation_id=invitation, now=self.actor.at, **sent)
        return self.gives(InvitationsOut, {"items": invitations(self.actor, now=self.actor.at)})
