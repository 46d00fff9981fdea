"""Addresses of the house's own pages."""

from __future__ import annotations

from django.urls import path

from clinic.web import chooser, demo, reminders, second_factor

urlpatterns = [
    path("", chooser.choose_clinic, name="choose-clinic"),
    path("health/reminders", reminders.reminders, name="health_reminders"),
    path("demo/mail", demo.mail, name="demo-mail"),
    path("accounts/2fa/totp/activate/", second_factor.set_up),
    path("accounts/2fa/totp/deactivate/", second_factor.take_away),
    path("demo/clock", demo.move, name="demo-clock"),
]
