"""The house's tables in Django's admin, by role: administrators configure the people, rooms and settings of
their own clinics, supervisors say who is trained, away and deputised for and how records are co-signed; what
happened, and what was sent, can be read there and changed nowhere."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from clinic.admin import house, log, people, team

admin.site.site_header = _("Clinic settings")
admin.site.site_title = _("Clinic settings")
admin.site.index_title = _("What you may see and set")

__all__ = ["house", "log", "people", "team"]
