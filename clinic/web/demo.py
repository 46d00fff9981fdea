"""The demo's own: its sign-ins, the mail and the texts that were "sent", and the clock that can be moved. Not
there in any other mode."""

from __future__ import annotations

import json
import mailbox
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_binary_file, policy
from functools import wraps
from typing import BinaryIO, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from clinic import clock
from clinic.errors import BadInput
from clinic.models import Membership, Person
from clinic.operations.clock import move_clock
from clinic.ticks import run_ticks

SHOWN = 100
HOUR = timedelta(hours=1)
STEPS = {"1": HOUR, "24": timedelta(days=1), "168": timedelta(weeks=1)}
LINK = re.compile(r"(https?://[^\s<>\"]+)")

TEXTS = 30

View = Callable[[HttpRequest], HttpResponse]


def demo_only(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if settings.CLINIC_MODE != "demo":
            raise Http404
        return view(request)

    return guarded


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    to: str
    sender: str
    subject: str
    sent_at: str
    # The text in pieces, so that a template can make links of some without trusting any.
    pieces: tuple[tuple[str, bool], ...]


@demo_only
@never_cache
@require_safe
def mail(request: HttpRequest) -> HttpResponse:
    """What the demo's mail server was given, newest first."""
    return render(request, "clinic/demo_mail.html", {"mails": _newest_mails(), "texts": _newest_texts()})


@demo_only
@require_POST
def move(request: HttpRequest) -> HttpResponse:
    """Move the clock forward and do at once what time drives: the page that follows shows it."""
    step = STEPS.get(request.POST.get("hours", ""))
    if step is None:
        raise BadInput(fields={"hours": ["1, 24 or 168"]})
    # Hour by hour, so that each message goes out at its moment instead of being found too late for its use.
    for _hour in range(step // HOUR):
        move_clock(by=HOUR)
        run_ticks(clock.now())
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    return redirect(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    email: str
    name: str
    work: str


def sign_ins() -> list[SignIn]:
    """Everybody who can sign in, with what they are where. One query."""
    work: dict[Person, list[str]] = {}
    for row in Membership.objects.select_related("person", "clinic").order_by("clinic_id", "id"):
        work.setdefault(row.person, []).append(f"{', '.join(row.roles)} at {row.clinic.name}")
    return [
        SignIn(email=person.email, name=person.printed_name, work="; ".join(words))
        for person, words in work.items()
    ]


def _newest_mails() -> list[SentMail]:
    folder = settings.DEMO_MAIL_DIR
    if not (folder / "new").is_dir():
        return []
    box = mailbox.Maildir(folder, factory=None, create=False)
    keys = sorted(box.keys(), reverse=True)[:SHOWN]  # a Maildir's names begin with the time of arrival
    found: list[SentMail] = []
    for key in keys:
        with box.get_file(key) as file:
            message = message_from_binary_file(cast(BinaryIO, file), policy=policy.default)
        body = message.get_body(preferencelist=("plain",))
        text = str(body.get_content()) if body is not None else ""
        found.append(
            SentMail(
                to=str(message["To"]),
                sender=str(message["From"]),
                subject=str(message["Subject"]),
                sent_at=str(message["Date"]),
                pieces=_pieces(text),
            )
        )
    return found


def _newest_texts() -> list[SentMail]:
    folder = settings.DEMO_TEXT_DIR
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.glob("*.json"), reverse=True)[:TEXTS]:
        text = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            SentMail(
                to=text["to"],
                sender=text["sender"],
                subject="",
                sent_at=text["made_at"],
                pieces=_pieces(text["body"]),
            )
        )
    return found


def _pieces(text: str) -> tuple[tuple[str, bool], ...]:
    return tuple((piece, bool(LINK.fullmatch(piece))) for piece in LINK.split(text) if piece)
