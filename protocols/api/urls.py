"""The API's addresses of protocols, below a clinic's own."""

from __future__ import annotations

from django.urls import include, path

from protocols.api import legal, protocols, versions, wordings

version = [
    path("discard", versions.DiscardDraft.as_view(), name="discard_draft"),
    path("send-for-review", versions.SendForReview.as_view(), name="send_for_review"),
    path("return", versions.ReturnVersion.as_view(), name="return_version"),
    path("approve", versions.ApproveVersion.as_view(), name="approve_version"),
    path("publish", versions.PublishVersion.as_view(), name="publish_version"),
    path("retire", versions.RetireVersion.as_view(), name="retire_version"),
    path("figures", versions.VersionFigures.as_view(), name="version_figures"),
    path("reviews", versions.VersionReviews.as_view(), name="version_reviews"),
    path("comparison", versions.VersionComparison.as_view(), name="compare_versions"),
]
urlpatterns = [
    path("protocols", protocols.Protocols.as_view(), name="protocols"),
    path("protocols/<uuid:protocol>", protocols.ProtocolVersions.as_view(), name="protocol"),
    path(
        "protocols/<uuid:protocol>/versions/<str:version>",
        protocols.ProtocolVersionByNumber.as_view(),
        name="protocol_version",
    ),
    path("wordings", wordings.Wordings.as_view(), name="wordings"),
    path("wordings/take-back", wordings.TakeWordingBack.as_view(), name="take_wording_back"),
    path("jurisdictions", wordings.Jurisdictions.as_view(), name="jurisdictions"),
    path("study-imports", versions.ImportStudy.as_view(), name="import_study"),
    path("drafts", versions.Drafts.as_view(), name="save_draft"),
    path("protocols/<uuid:protocol>/versions/<str:version>/", include(version)),
    path("protocols/<uuid:protocol>/legal-bases", legal.LegalBases.as_view(), name="legal_bases"),
    path(
        "legal-bases/<uuid:legal_basis>/revoke", legal.RevokeLegalBasis.as_view(), name="revoke_legal_basis"
    ),
]
