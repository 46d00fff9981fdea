"""The root of all addresses. Each house's own lie in its `web/urls.py` and `api/urls.py`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from clinic.web import health

handler404 = "clinic.web.broken.not_found"
handler500 = "clinic.web.broken.broken"
urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    # allauth is the only sign-in; a second door would not ask for the second factor.
    path("admin/login/", RedirectView.as_view(pattern_name="account_login", query_string=True)),
    path("admin/", admin.site.urls),
    path("", include("clinic.web.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("sessions.api.urls")),
    path("", include("protocols.web.urls")),
    path("", include("sessions.web.urls")),
]
