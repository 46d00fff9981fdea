"""The addresses of the protocols' pages."""

from __future__ import annotations

from django.urls import include, path

from protocols.web import editing, instruments, legal, pages, reviewing

staff = [
    path("protocols/", pages.protocols, name="protocols"),
    path("protocols/new/", editing.write, name="write"),
    path("protocols/import/", editing.import_study, name="import_study"),
    path("protocols/check/", editing.check, name="check"),
    path("instruments/", instruments.instruments, name="instruments"),
    path("instruments/<slug:code>/", instruments.wording, name="wording"),
    path("protocols/<uuid:protocol>/", pages.protocol, name="protocol"),
    path("protocols/<uuid:protocol>/edit/", editing.edit, name="edit"),
    path("protocols/<uuid:protocol>/figures/", reviewing.figures, name="figures"),
    path("protocols/<uuid:protocol>/legal-basis/", legal.legal, name="legal"),
    path("protocols/<uuid:protocol>/compare/", reviewing.compare, name="compare"),
    path("protocols/<uuid:protocol>/export.<str:form>.json", pages.export, name="export"),
    path("protocols/<uuid:protocol>/review/<str:act>/", reviewing.act, name="act"),
]
urlpatterns = [path("c/<slug:clinic>/", include((staff, "protocols")))]
