"""Session records on their way past a supervisor: the queue, one record with what changed, and the acts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text, YesNo
from clinic.api.problems import StrictSerializer
from sessions.api.cursors import PageQuery, read_id, write_cursor
from sessions.api.door import Door, NewRowInput, described
from sessions.models import PassageComment, RecordSubmission
from sessions.operations import reviews as operations
from sessions.queries import reviews as queries


class SendForReviewInput(NewRowInput):
    pass


class PassageCommentInput(NewRowInput):
    note_id = Id()
    quote = Text(allow_blank=True, help_text="The passage, as it stands in the note.")
    text = Text(allow_blank=True)
    praise = YesNo(required=False)


class ReturnRecordInput(StrictSerializer):
    words = Text(allow_blank=True, required=False)


class SubmissionOut(Serializer[Any]):
    id = Id(source="public_id")
    submitted_at = Instant()
    due_at = Instant(allow_null=True)
    outcome = Text()
    settled_at = Instant(allow_null=True)
    words = Text()


class QueueRowOut(Serializer[Any]):
    id = Id(source="submission_id")
    record_id = Id()
    course_id = Id()
    patient = Text()
    what = Text()
    submitted_by = Text()
    submitted_at = Instant()
    days_waiting = serializers.IntegerField()
    due_at = Instant(allow_null=True)
    overdue = serializers.BooleanField()
    returned_before = serializers.BooleanField()
    signed = serializers.BooleanField()


class QueuePageOut(Serializer[Any]):
    items = QueueRowOut(many=True)
    next = Text(allow_null=True)


class PassageCommentOut(Serializer[Any]):
    id = Id(source="public_id")
    note_id = Id(source="note.public_id")
    quote = Text()
    text = Text()
    praise = serializers.BooleanField()
    written_at = Instant()


class ChangeOut(Serializer[Any]):
    what = Text(help_text="note, addendum, fact or session")
    id = Text()
    kind = Text(help_text="new, gone or changed")
    name = Text()
    pieces = serializers.ListField(child=serializers.ListField(child=Text()))


class ReviewDetailOut(Serializer[Any]):
    submission = QueueRowOut(source="row")
    changed = ChangeOut(many=True, allow_null=True, help_text="Since it was returned; null: it never was.")
    may_review = serializers.BooleanField()
    outcome = Text()


class SendForReview(Door):
    @described("send_record_for_review", takes=SendForReviewInput, gives=SubmissionOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(SendForReviewInput)
        again = self.again(RecordSubmission, sent)
        row = operations.send_record_for_review(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(SubmissionOut, row, again=again)


class ReviewQueue(Door):
    @described("list_reviews", asks=PageQuery, gives=QueuePageOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(PageQuery)
        rows, following = queries.review_queue(
            self.actor, now=self.actor.at, after=read_id(asked), limit=asked["size"]
        )
        return self.gives(QueuePageOut, {"items": rows, "next": write_cursor(following)})


class Review(Door):
    @described("read_review", gives=ReviewDetailOut)
    def get(self, request: Request, slug: str, submission: UUID) -> Response:
        return self.gives(ReviewDetailOut, queries.review(self.actor, submission, now=self.actor.at))


class CommentOnPassage(Door):
    @described("comment_on_passage", takes=PassageCommentInput, gives=PassageCommentOut)
    def post(self, request: Request, slug: str, submission: UUID) -> Response:
        sent = self.sent(PassageCommentInput)
        again = self.again(PassageComment, sent)
        row = operations.comment_on_passage(
            actor=self.actor, submission_id=submission, now=self.actor.at, **sent
        )
        return self.gives(PassageCommentOut, row, again=again)


class ReturnRecord(Door):
    @described("return_record", takes=ReturnRecordInput, gives=SubmissionOut)
    def post(self, request: Request, slug: str, submission: UUID) -> Response:
        sent = self.sent(ReturnRecordInput)
        row = operations.return_record(
            actor=self.actor, submission_id=submission, words=sent.get("words", ""), now=self.actor.at
        )
        return self.gives(SubmissionOut, row)
