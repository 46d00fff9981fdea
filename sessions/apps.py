"""The sessions house as a Django app. Django's own `sessions` owns that label, so ours is
`therapy_sessions`."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "therapy_sessions"
    verbose_name = gettext_lazy("Treatment")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from clinic import health, proofs
        from clinic.operations.changes import register_interest, register_objections
        from clinic.operations.clinics import register_known
        from clinic.queries import register_left_out
        from clinic.ticks import register_tick
        from clinic.web.broken import register_patient_pages
        from protocols.rules.definition import SessionKind
        from protocols.web import panels
        from sessions import checks as _checks  # noqa: F401  # registers itself
        from sessions.operations.care_concerns import keep_concerns_heard, register_concerns
        from sessions.operations.escalating import escalate_due_tasks
        from sessions.operations.new_links import register_new_links
        from sessions.operations.refresh import look_again_now, refresh_due_courses
        from sessions.operations.sending import register_messages
        from sessions.operations.staff_stops import register_staff_stops
        from sessions.operations.step_up_codes import register_step_up_codes
        from sessions.operations.texts import register_text_answers
        from sessions.operations.wording import objections
        from sessions.queries.watch import PROOFS, failing_courses, subjects_in_error, untold_tasks
        from sessions.web.patient_door import PATIENT_PAGES, known_of
        from sessions.web.uses import who_uses_it

        register_known("reviewed_kinds", sorted(kind.value for kind in SessionKind))
        register_messages()
        register_concerns()
        register_new_links()
        register_text_answers()
        register_staff_stops()
        register_step_up_codes()
        register_interest("courses", look_again_now)
        register_objections("messages", objections)
        health.register_watch("courses", failing_courses)
        proofs.register(*PROOFS)
        register_left_out(subjects_in_error)
        panels.register(who_uses_it)
        register_patient_pages(PATIENT_PAGES, known_of)
        register_tick(
            "refresh_due_courses",
            lambda now: refresh_due_courses(now=now),
            # Neither too late, for whoever must act, nor too early, for the record: see `take_turn`.
            while_held=lambda _now, own: refresh_due_courses(now=own),
        )
        # By that clock too: each is told in their own minutes, not all of them in one breath.
        register_tick(
            "escalate_due_tasks",
            lambda now: escalate_due_tasks(now=now),
            while_held=lambda now, own: escalate_due_tasks(now=now, own=own),
        )
        register_tick(
            "keep_concerns_heard",
            lambda now: keep_concerns_heard(now=now),
            while_held=lambda _now, own: keep_concerns_heard(now=own),
        )
        health.register_watch("escalations", untold_tasks)
