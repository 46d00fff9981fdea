"""The way of a protocol's version: drafted, reviewed, its figures answered for, published, compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, JSONField, ListField, Serializer

from clinic.api.fields import Instant, Text
from clinic.api.problems import StrictSerializer
from clinic.errors import BadInput
from clinic.permissions import HouseSubject, Permission, require
from protocols import queries
from protocols.api.door import Door
from protocols.api.protocols import PROBLEMS, ProtocolVersionOut
from protocols.models import ProtocolVersion
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
from protocols.rules.importing import NotAStudy, draft_from_usdm


class DraftInput(StrictSerializer):
    document = Text(max_length=2_000_000, trim_whitespace=False, help_text="YAML, in the protocol language.")


class StudyInput(StrictSerializer):
    study = JSONField(help_text="A USDM v4 study, as its JSON export writes it.")


class ImportedDraftOut(Serializer[Any]):
    document = CharField()
    not_carried = ListField(child=CharField())


class CommentInput(StrictSerializer):
    comment = Text(allow_blank=True, required=False, default="")


class FigureInput(StrictSerializer):
    path = Text()
    text = Text(help_text="The figure as it was read: another value by now is refused.")


class ConfirmFiguresInput(StrictSerializer):
    figures = FigureInput(many=True)


class AnswerOut(Serializer[Any]):
    person = Text()
    at = Instant()
    version = Text()


class FigureToAnswerOut(Serializer[Any]):
    path = Text()
    text = Text()
    kind = Text(help_text="confirmed: unverified until then; adopted: no figure is published.")
    note = Text(allow_blank=True)
    answered = AnswerOut(allow_null=True)
    before = AnswerOut(allow_null=True, help_text="Who answered for the same value in an earlier version.")


class FiguresOut(Serializer[Any]):
    items = FigureToAnswerOut(many=True)


class VersionReviewOut(Serializer[Any]):
    step = Text()
    person = Text(source="person.printed_name")
    at = Instant()
    comment = Text(allow_blank=True)
    digest = Text()


class VersionReviewsOut(Serializer[Any]):
    items = VersionReviewOut(many=True)


class DifferenceOut(Serializer[Any]):
    kind = Text()
    section = Text()
    code = Text(allow_blank=True)
    what = Text()
    label = Text(allow_blank=True)  # type: ignore[assignment]  # the field of that name
    before = Text(allow_blank=True)
    after = Text(allow_blank=True)
    sentence = Text()


class ComparisonOut(Serializer[Any]):
    items = DifferenceOut(many=True)


class VersionView(Door):
    """A view of one version, named in the address."""

    def version(self) -> ProtocolVersion:
        return self.numbered(self.kwargs["version"])

    def numbered(self, version: str) -> ProtocolVersion:
        return queries.version_for(self.actor, protocol_public_id=self.kwargs["protocol"], version=version)

    def gives(self, version: ProtocolVersion) -> Response:
        return Response(ProtocolVersionOut(self.numbered(version.version)).data)


class Drafts(VersionView):
    @extend_schema(
        operation_id="save_draft",
        summary="Keep a document as the draft of its protocol",
        request=DraftInput,
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(DraftInput)
        version = load_protocol(
            actor=self.actor, clinic=self.seat.clinic, text=sent["document"], now=self.actor.at
        )
        found = queries.version_for(
            self.actor, protocol_public_id=version.protocol.public_id, version=version.version
        )
        return Response(ProtocolVersionOut(found).data)


class ImportStudy(VersionView):
    @extend_schema(
        operation_id="import_study",
        summary="The schedule of a CDISC USDM v4 study as a document, with what it could not carry",
        request=StudyInput,
        responses={200: ImportedDraftOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str) -> Response:
        study = self.sent(StudyInput)["study"]
        require(self.actor, Permission.DRAFT_PROTOCOL, HouseSubject(clinic_id=self.seat.clinic.pk))
        try:
            draft = draft_from_usdm(study)
        except NotAStudy as why:
            raise BadInput(
                str(why), advice="Send the whole USDM v4 wrapper, its study with one design."
            ) from None
        return Response(ImportedDraftOut(draft).data)


class DiscardDraft(VersionView):
    @extend_schema(
        operation_id="discard_draft",
        summary="Throw a draft away",
        request=None,
        responses={204: None, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        discard_draft(actor=self.actor, version=self.version(), now=self.actor.at)
        return Response(status=204)


class SendForReview(VersionView):
    @extend_schema(
        operation_id="send_for_review",
        summary="Send a draft for review",
        request=CommentInput,
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        sent = self.sent(CommentInput)
        return self.gives(
            send_for_review(actor=self.actor, version=self.version(), now=self.actor.at, **sent)
        )


class ReturnVersion(VersionView):
    @extend_schema(
        operation_id="return_version",
        summary="Return a version to its authors, with a comment",
        request=CommentInput,
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        sent = self.sent(CommentInput)
        return self.gives(return_version(actor=self.actor, version=self.version(), now=self.actor.at, **sent))


class ApproveVersion(VersionView):
    @extend_schema(
        operation_id="approve_version",
        summary="Approve what was sent for review",
        request=CommentInput,
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        sent = self.sent(CommentInput)
        return self.gives(
            approve_version(actor=self.actor, version=self.version(), now=self.actor.at, **sent)
        )


class PublishVersion(VersionView):
    @extend_schema(
        operation_id="publish_version",
        summary="Publish an approved version",
        request=None,
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        return self.gives(publish_version(actor=self.actor, version=self.version(), now=self.actor.at))


class RetireVersion(VersionView):
    @extend_schema(
        operation_id="retire_version",
        summary="Retire a published version, and say why",
        request=CommentInput,
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        sent = self.sent(CommentInput)
        return self.gives(retire_version(actor=self.actor, version=self.version(), now=self.actor.at, **sent))


class VersionFigures(VersionView):
    @extend_schema(
        operation_id="list_figures_to_answer",
        summary="List the figures that a clinician answers for",
        responses={200: FiguresOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        return self.figures()

    @extend_schema(
        operation_id="confirm_figures",
        summary="Answer for figures in one's own name",
        request=ConfirmFiguresInput,
        responses={200: FiguresOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        sent = self.sent(ConfirmFiguresInput)
        figures = [(figure["path"], figure["text"]) for figure in sent["figures"]]
        confirm_figures(actor=self.actor, version=self.version(), figures=figures, now=self.actor.at)
        return self.figures()

    def figures(self) -> Response:
        found = queries.figures_to_answer(self.actor, self.version())
        return Response(FiguresOut({"items": found}).data)


class VersionReviews(VersionView):
    @extend_schema(
        operation_id="list_version_reviews",
        summary="List the steps of a version's review",
        responses={200: VersionReviewsOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        found = queries.reviews_of(self.actor, self.version())
        return Response(VersionReviewsOut({"items": found}).data)


class VersionComparison(VersionView):
    @extend_schema(
        operation_id="compare_versions",
        summary="Compare a version with an earlier one, in words",
        parameters=[
            OpenApiParameter("with", str, required=True, description="The earlier version's number.")
        ],
        responses={200: ComparisonOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        other = request.query_params.get("with")
        if not other:
            raise BadInput(fields={"with": [str(_("Name the version to compare with."))]})
        found = queries.compare_versions(self.actor, before=self.numbered(other), after=self.version())
        return Response(ComparisonOut({"items": found}).data)
