"""Records entered in error: marked by their author, confirmed or not by a second person; and what is kept of
them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text
from clinic.api.problems import StrictSerializer
from sessions.api.cursors import PageQuery, read_id, write_cursor
from sessions.api.door import Door, NewRowInput, NothingInput, described
from sessions.api.held import NoteOut, SignatureOut
from sessions.api.reviewing import ActionOut, ClosureOut, ReportOut, ReviewOut
from sessions.models import DeviationReview, ErrorMark
from sessions.operations import errors as operations
from sessions.operations.exporting import take_certified_data
from sessions.queries import errors as queries


class MarkErrorInput(NewRowInput):
    reason = Text(allow_blank=True)


class DeclineErrorInput(StrictSerializer):
    answer = Text(allow_blank=True)


class ErrorMarkOut(Serializer[Any]):
    id = Id(source="mark_id")
    course_id = Id(allow_null=True, help_text="Null for a rater, who is not told whose session it was.")
    patient = Text(help_text="The same: empty.")
    what = Text(help_text="fact, note, session, deviation, report, rating or enrolment")
    kind = Text()
    reason = Text()
    asked_by = Text()
    asked_at = Instant()
    days_waiting = serializers.IntegerField()


class MarkedFactOut(Serializer[Any]):
    id = Id()
    kind = Text()
    occurred_at = Instant()
    recorded_at = Instant()
    entered_by = Text()


class MarkedReviewOut(ReviewOut):
    signature = serializers.SerializerMethodField()

    @extend_schema_field(ClosureOut(allow_null=True))
    def get_signature(self, step: DeviationReview) -> dict[str, Any] | None:
        signature = getattr(step, "signature", None)
        return ClosureOut(signature).data if signature else None


class MarkedReportOut(ReportOut):
    withdrawn_at = Instant(allow_null=True)


class MarkedDeviationOut(Serializer[Any]):
    id = Id(source="public_id")
    title = Text()
    description = Text()
    important = serializers.BooleanField()
    occurred_at = Instant()
    raised_at = Instant()
    entered_by = Text(source="entered_by.printed_name", default="", help_text="Empty: the engine raised it.")
    reviews = MarkedReviewOut(many=True, source="reviews.all")
    actions = ActionOut(many=True, source="actions.all")
    reports = MarkedReportOut(many=True, source="reports.all")


class LeavingDeviationOut(Serializer[Any]):
    what = Text()
    words = Text(help_text="What departed, of one that the engine raised.")
    deviation = MarkedDeviationOut(source="row")


class MarkedRatingOut(Serializer[Any]):
    id = Id(source="row.public_id")
    title = Text()
    rater = Text()
    submitted_at = Instant(source="row.submitted_at")
    scores = serializers.DictField(child=serializers.IntegerField(), source="row.scores")
    comment = Text(source="row.comment")


class ErrorMarkDetailOut(Serializer[Any]):
    mark = ErrorMarkOut(source="row")
    facts = MarkedFactOut(many=True)
    notes = NoteOut(many=True)
    signatures = SignatureOut(many=True)
    deviation = MarkedDeviationOut(allow_null=True)
    deviations = LeavingDeviationOut(
        many=True, help_text="The one that is marked, or all that leave with an enrolment."
    )
    report = MarkedReportOut(allow_null=True)
    rating = MarkedRatingOut(allow_null=True)
    settled_by = Text()
    settled_at = Instant(allow_null=True)
    confirmed = serializers.BooleanField(allow_null=True)
    answer = Text()
    may_settle = serializers.BooleanField()


class ErrorMarkPageOut(Serializer[Any]):
    items = ErrorMarkOut(many=True)
    next = Text(allow_null=True)


class AuditOut(Serializer[Any]):
    items = ErrorMarkDetailOut(many=True)


class CertifiedCopyOut(Serializer[Any]):
    content = serializers.DictField()
    digest = Text(help_text="SHA-256 of the content, spelled with sorted keys and no blanks.")


class _Marks(Door):
    """What all ways of marking share."""

    def marked(self, mark: ErrorMark, *, again: bool) -> Response:
        found = queries.error_mark(self.actor, mark.public_id, now=self.actor.at)
        return self.gives(ErrorMarkDetailOut, found, again=again)


class MarkFact(_Marks):
    @described("mark_fact", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, fact: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_fact(actor=self.actor, fact_id=fact, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class MarkNote(_Marks):
    @described("mark_note", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, note: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_note(actor=self.actor, note_id=note, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class MarkSession(_Marks):
    @described("mark_session", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_session(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class MarkDeviation(_Marks):
    @described("mark_deviation", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, deviation: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_deviation(actor=self.actor, deviation_id=deviation, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class MarkReport(_Marks):
    @described("mark_report", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, report: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_report(actor=self.actor, report_id=report, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class MarkRating(_Marks):
    @described("mark_rating", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, rating: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_rating(actor=self.actor, rating_id=rating, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class MarkEnrolment(_Marks):
    @described("mark_enrolment", takes=MarkErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(MarkErrorInput)
        again = self.again(ErrorMark, sent)
        mark = operations.mark_enrolment(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.marked(mark, again=again)


class ErrorMarks(Door):
    @described("list_error_marks", asks=PageQuery, gives=ErrorMarkPageOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(PageQuery)
        rows, following = queries.marks_to_settle(
            self.actor, now=self.actor.at, after=read_id(asked), limit=asked["size"]
        )
        return self.gives(ErrorMarkPageOut, {"items": rows, "next": write_cursor(following)})


class ErrorMarkDetail(_Marks):
    @described("read_error_mark", gives=ErrorMarkDetailOut)
    def get(self, request: Request, slug: str, mark: UUID) -> Response:
        found = queries.error_mark(self.actor, mark, now=self.actor.at)
        return self.gives(ErrorMarkDetailOut, found)


class ConfirmError(_Marks):
    @described("confirm_error", takes=NothingInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, mark: UUID) -> Response:
        self.sent(NothingInput)
        row = operations.confirm_error(actor=self.actor, mark_id=mark, now=self.actor.at)
        return self.marked(row, again=True)


class DeclineError(_Marks):
    @described("decline_error", takes=DeclineErrorInput, gives=ErrorMarkDetailOut)
    def post(self, request: Request, slug: str, mark: UUID) -> Response:
        sent = self.sent(DeclineErrorInput)
        row = operations.decline_error(actor=self.actor, mark_id=mark, now=self.actor.at, **sent)
        return self.marked(row, again=True)


class Audit(Door):
    @described("read_audit", gives=AuditOut)
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        _course, marks = queries.audit(self.actor, course, now=self.actor.at)
        return self.gives(AuditOut, {"items": marks})


class CertifiedCopy(Door):
    @described("read_certified_copy", gives=CertifiedCopyOut)
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        return self.gives(
            CertifiedCopyOut, take_certified_data(actor=self.actor, course_id=course, now=self.actor.at)
        )
