"""The tables of the sessions in Django's admin, by role: patients and what happened to them to read, a
clinic's words and templates and how its reviews run to set."""

from __future__ import annotations

from sessions.admin import caseload, oversight, wording

__all__ = ["caseload", "oversight", "wording"]
