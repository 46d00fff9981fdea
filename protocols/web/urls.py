"""The addresses of the protocols' pages."""

from __future__ import annotations

from django.urls import include, path

from protocols.web import pages

staff = [
    path("protocols/", pages.protocols, name="protocols"),
    path("protocols/<uuid:protocol>/", pages.protocol, name="protocol"),
]
urlpatterns = [path("c/<slug:clinic>/", include((staff, "protocols")))]
