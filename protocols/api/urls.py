"""The API's addresses of protocols, below a clinic's own."""

from __future__ import annotations

from django.urls import path

from protocols.api import protocols

urlpatterns = [
    path("protocols", protocols.Protocols.as_view(), name="protocols"),
    path("protocols/<uuid:protocol>", protocols.ProtocolVersions.as_view(), name="protocol"),
    path(
        "protocols/<uuid:protocol>/versions/<str:version>",
        protocols.ProtocolVersionByNumber.as_view(),
        name="protocol_version",
    ),
]
