"""The root of all addresses. Each house's own lie in its `web/urls.py` and `api/urls.py`."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from clinic.web import health


def _exists(module: str) -> bool:
    package = module.rpartition(".")[0]
    return find_spec(package) is not None and find_spec(module) is not None


urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    # allauth is the only sign-in; a second door would not ask for the second factor.
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
for _module in (
    "clinic.api.urls",
    "sessions.api.urls",
    "clinic.web.urls",
    "protocols.web.urls",
    "sessions.web.urls",
):
    if _exists(_module):
        urlpatterns.append(path("", include(_module)))
