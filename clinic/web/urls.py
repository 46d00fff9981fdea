"""Addresses of the house's own pages."""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from clinic.web import chooser, demo, hooks, reminders, second_factor

icon = lazy(static, str)  # where it is, collected files know

urlpatterns = [
    # What a browser asks for beside a page that names no icon, such as a plain text.
    path("favicon.ico", RedirectView.as_view(url=icon("clinic/mark.svg")), name="icon"),
    path("", chooser.choose_clinic, name="choose-clinic"),
    path("health/reminders", reminders.reminders, name="health_reminders"),
    path("hooks/mail/", hooks.mail_report, name="mail-report"),
    path("hooks/<slug:clinic>/text/<uuid:message>/", hooks.text_report, name="text-report"),
    path("demo/mail", demo.mail, name="demo-mail"),
    path("accounts/2fa/totp/activate/", second_factor.set_up),
    path("accounts/2fa/totp/deactivate/", second_factor.take_away),
    path("demo/clock", demo.move, name="demo-clock"),
]
