"""The words of a clinic's messages: each as it will read, how long it is, and who approved a language."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.languages import NAMES
from sessions.operations.wording import approve_language, finding_words, write_wording
from sessions.queries import wording as wordings
from sessions.rules.wording import LANGUAGES
from sessions.rules.wording_shipped import Kind
from sessions.web import forms
from sessions.web.door import Door, posts_only, staff

KINDS = {
    Kind.VISIT: gettext_lazy("A visit"),
    Kind.VISIT_TOMORROW: gettext_lazy("A visit tomorrow"),
    Kind.CHECK_IN: gettext_lazy("How are you"),
    Kind.FORM: gettext_lazy("A form"),
    Kind.MISSED: gettext_lazy("Sorry we missed you"),
    Kind.PRACTICE: gettext_lazy("What was agreed to be done before a visit"),
    Kind.DISCREET: gettext_lazy("Most discreet"),
    Kind.CALL_US: gettext_lazy("To a telephone that others see"),
    Kind.STOPPED: gettext_lazy("After STOP"),
    Kind.STARTED: gettext_lazy("After START"),
    Kind.HELP: gettext_lazy("After HELP"),
}
CHANNELS = {"text": gettext_lazy("Text"), "email": gettext_lazy("Mail")}


def _with_places(words: str) -> str:
    """What is filled in, as the messages write it: {phone}."""
    return re.sub(r"%\((\w+)\)[sd]", r"{\1}", words)


def _language(asked: str) -> str:
    return asked if asked in LANGUAGES else "en"


@staff
def wording(door: Door) -> HttpResponse:
    language = _language(door.request.GET.get("language", "en"))
    page = door.read(wordings.wording_page, door.clinic, language)
    return door.page(
        "sessions/wording.html",
        here="settings",
        page=page,
        name=NAMES[language],
        sentences=[(_with_places(english), _with_places(said)) for english, said in page.pages],
        languages=[(code, NAMES[code], used, code == language) for code, used in page.languages],
        rows=[
            (row, KINDS[row.kind], CHANNELS[row.channel], [finding_words(one) for one in row.findings])
            for row in page.rows
        ],
    )


@staff
def write(door: Door, language: str, channel: str, kind: str) -> HttpResponse:
    page = door.read(wordings.wording_page, door.clinic, _language(language))
    row = next((one for one in page.rows if (one.kind, one.channel) == (kind, channel)), None)
    if row is None or language not in LANGUAGES:
        raise Http404
    form = door.form(
        forms.WordingForm,
        channel=channel,
        sample=wordings.sample_of(door.clinic, language),
        initial={"text": row.wording.text, "subject": row.wording.subject},
    )
    made: list[UUID] = []

    def act() -> None:
        written = write_wording(
            actor=door.actor,
            kind=kind,
            channel=channel,
            language=language,
            text=form.cleaned_data["text"],
            subject=form.cleaned_data.get("subject", ""),
            reason=form.cleaned_data["reason"],
            public_id=form.record_id,
            now=door.now,
        )
        made.append(written.public_id)

    back = door.url("wording") + f"?language={language}"
    if door.done(form, act):
        return door.go("wording", said=_("Saved."), at=f"?language={language}")
    return door.page(
        "sessions/wording_write.html",
        here="settings",
        title=f"{KINDS[row.kind]}, {CHANNELS[channel]}, {NAMES[language]}",
        row=row,
        form=form,
        back=back,
        most=page.most,
    )


@staff
@posts_only
def approve(door: Door, language: str) -> HttpResponse:
    approve_language(
        actor=door.actor, language=language, digest=door.request.POST.get("digest", ""), now=door.now
    )
    return door.go("wording", said=_("Approved."), at=f"?language={_language(language)}")
