"""Why a message will, or won't, go: for one patient, and in a dry run for the clinic."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.languages import NAMES
from sessions.operations.dry_run import dry_run
from sessions.queries import banner
from sessions.queries.forecast import forecast
from sessions.web.door import Door, staff
from sessions.web.forms.reaching import HOW
from sessions.web.wording import CHANNELS

PURPOSES: dict[str, Any] = {
    "visit_reminder": gettext_lazy("Reminder of a visit"),
    "check_in": gettext_lazy("How are you"),
    "missed_visit": gettext_lazy("Sorry we missed you"),
    "questionnaire": gettext_lazy("A form to fill in"),
    "practice": gettext_lazy("What was agreed to be done before a visit"),
}
REASONS: dict[str, Any] = {
    "no_address": gettext_lazy("No mail address is on record."),
    "no_number": gettext_lazy(
        "No number that can get texts is on record, or a call found that it is somebody else’s."
    ),
    "stopped_by_patient": gettext_lazy("The patient stopped these messages."),
    "no_consent_to_mail": gettext_lazy("The patient did not agree to mail."),
    "no_consent_to_texts": gettext_lazy("The patient did not agree to texts."),
    "no_texts_here": gettext_lazy("This clinic sends no texts: it has no number for them."),
    "shared_phone": gettext_lazy("Others see this telephone: it gets no forms."),
    "declined_for_this": gettext_lazy("The patient does not want this one by that way."),
    "not_delivered": gettext_lazy("It could not be delivered by any way that is open."),
    "a_person_rings": gettext_lazy("The patient wants to be called instead of written to."),
    "no_item_text": gettext_lazy(
        "The wording of this form is not loaded: the patient would see item numbers. A task opens instead."
    ),
    "no_way_through_the_step": gettext_lazy(
        "The patient has no way to show that it is them, and the form would stay shut. A task opens instead; "
        "with a word of theirs it goes."
    ),
    "course_ended": gettext_lazy("The course has ended."),
    "not_asked_after_this_end": gettext_lazy("The protocol asks nothing more after a course that ended so."),
    "no_consent_to_be_asked": gettext_lazy(
        "The patient does not agree to be asked after the end, or nobody recorded that they do."
    ),
    "recorded_not_done": gettext_lazy("It was recorded that this is not done."),
    "deceased": gettext_lazy("The patient has died."),
    "on_hold": gettext_lazy("The course is on hold."),
    "no_visit_booked": gettext_lazy("No visit is booked yet."),
    "no_day_yet": gettext_lazy("Its day hangs on something that has not happened yet."),
    "before_go_live": gettext_lazy("It lies before the patient came to this clinic."),
    "called_the_same_day": gettext_lazy(
        "In the protocol’s days after a dose a person calls the same day first; nothing is written."
    ),
    "ceiling": gettext_lazy("So many go that day already that it would come too late."),
    "dosing_day": gettext_lazy("Nothing is sent on the day of a dosing session."),
    "too_late": gettext_lazy("It would come too late to be of use."),
    "too-late": gettext_lazy("It would have come too late to be of use."),
    "quiet_hours": gettext_lazy("Quiet hours would end after it is of use."),
    "quiet-hours": gettext_lazy("Quiet hours ended after it was of use."),
    "no_longer_required": gettext_lazy("It is no longer asked for."),
    "no-longer-planned": gettext_lazy("It was no longer needed: moved, cancelled or done."),
    "already_settled": gettext_lazy("What it is about was done."),
    "moved_or_cancelled": gettext_lazy("The visit was moved or cancelled."),
    "may-have-arrived": gettext_lazy("Nobody can say whether it arrived. It was not sent again."),
    "could-not-be-asked": gettext_lazy("The provider could not be asked whether it took it."),
    "unknown-twice": gettext_lazy("Sent twice, and nobody can say whether it arrived."),
    "found-at-provider": gettext_lazy("The provider had it; its answer was lost."),
    "before-the-demo": gettext_lazy("Its time lay before the demo was loaded."),
    "too_long": gettext_lazy("With the clinic’s name and its link it did not fit into one text."),
    "indiscreet": gettext_lazy("Its words would have told what kind of care this is."),
}


def reason_words(code: str) -> str:
    return str(REASONS.get(code) or (_("The provider said: %(code)s.") % {"code": code} if code else ""))


@staff
def messages(door: Door, course: UUID) -> HttpResponse:
    found = door.read(forecast, course, now=door.now)
    rows = [
        (
            row,
            PURPOSES.get(row.purpose, row.purpose),
            row.at.astimezone(found.zone).replace(tzinfo=None) if row.at else None,
            CHANNELS.get(row.channel, ""),
            reason_words(row.reason),
        )
        for row in found.rows
    ]
    return door.page(
        "sessions/messages.html",
        here="patients",
        patient=door.read(banner.banner, course, now=door.now),
        back=door.url("chart", course),
        zone=str(found.zone),
        stopped=[(HOW[channel], at) for channel, at in found.stopped],
        to_the_end=found.to_the_end,
        language=NAMES.get(found.language, found.language),
        wants=NAMES.get(found.wants, found.wants) if found.wants != found.language else "",
        rows=[one for one in rows if one[0].at is not None],
        waiting=[one for one in rows if one[0].at is None],
        past=[
            (
                row,
                PURPOSES.get(row.purpose, row.purpose),
                row.at.astimezone(found.zone).replace(tzinfo=None),
                CHANNELS.get(row.channel, row.channel),
                reason_words(row.reason),
            )
            for row in found.past
        ],
    )


@staff
def dry(door: Door) -> HttpResponse:
    after = door.request.GET.get("after", "")
    run = door.read(
        lambda actor: dry_run(
            actor=actor,
            clinic=door.clinic,
            now=door.now,
            after=int(after) if after.isdigit() else 0,
        )
    )
    return door.page(
        "sessions/dry_run.html",
        here="patients",
        run=run,
        rows=[
            (
                row,
                PURPOSES.get(row.purpose, row.purpose),
                row.at.astimezone(ZoneInfo(row.zone)).replace(tzinfo=None),
                CHANNELS.get(row.channel, row.channel),
                reason_words(row.reason),
            )
            for row in run.rows
        ],
        next_page=f"?after={run.after}" if run.after else "",
    )
