"""Sending one e-mail, and saying honestly what became of it. Knows SMTP and the providers' interfaces;
knows no message row and no patient.

Uses Django's mail backend, so EMAIL_URL or MAIL_PROVIDER decides where it goes. Never called with a
transaction open.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, parseaddr
from types import TracebackType
from typing import Any, Literal, Self

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from requests import ConnectTimeout

Verdict = Literal["accepted", "permanent", "transient", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    filename: str
    content: str
    mimetype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    to: str
    subject: str
    text: str
    sender_name: str = ""
    # When it leaves, by the clinic's clock: what the machine's clock says is not what the mail speaks of.
    dated_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOutcome:
    """`detail` is a code, or the provider's id of what it took; never an address or the server's free text.
    `retry_after`: seconds for which the provider asked not to be tried again."""

    verdict: Verdict
    detail: str = ""
    retry_after: int | None = None


class MailChannel:
    """One connection, opened when first needed and again after any trouble; use it as a context manager.

    Plain SMTP has no key and no look-up, so what became of a message is only known one by one: `together` is
    how many messages share one committed intent.
    """

    together = 1
    timeout_seconds = 20

    def __init__(self) -> None:
        self._backend: Any = None
        self._handing_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def send(self, mail: RenderedMail, *, key: str) -> SendOutcome:
        """`key` becomes the Message-ID: the same for every attempt at one message."""
        self._handing_over = False
        try:
            self._open()
        except smtplib.SMTPAuthenticationError as error:
            return self._trouble("transient", f"smtp-auth-{error.smtp_code}")
        except (OSError, smtplib.SMTPException) as error:
            return self._trouble("transient", f"no-connection-{type(error).__name__}")
        try:
            self._backend.send_messages([_as_email(mail, key)])
        except AnymailRecipientsRefused:
            return self._trouble("permanent", "recipient-refused")
        except AnymailAPIError as error:
            return self._trouble(*_by_provider(error))
        except ValueError as error:
            # Before anything was said to the server: an address or a header that no mail can have.
            return SendOutcome(verdict="permanent", detail=f"bad-mail-{type(error).__name__}")
        except smtplib.SMTPRecipientsRefused as error:
            code = max((reply[0] for reply in error.recipients.values()), default=550)
            return self._trouble(_by_code(code), f"recipient-refused-{code}")
        except smtplib.SMTPDataError as error:
            # The server answered, and the answer was no: it has not accepted the message.
            return self._trouble(_by_code(error.smtp_code), f"data-refused-{error.smtp_code}")
        except smtplib.SMTPResponseException as error:
            # Refused before the message was handed over: our sender or our session, not this recipient.
            return self._trouble("transient", f"smtp-{error.smtp_code}")
        except (OSError, smtplib.SMTPException) as error:
            verdict: Verdict = "unknown" if self._handing_over else "transient"
            return self._trouble(verdict, type(error).__name__)
        return SendOutcome(verdict="accepted")

    def _open(self) -> None:
        if self._backend is None:
            backend = get_connection(fail_silently=False)
            backend.open()
            self._backend = backend
            self._watch_hand_over(getattr(backend, "connection", None))

    def _watch_hand_over(self, smtp: Any) -> None:
        # A connection lost before the server was given the text can't have accepted it; after that nobody
        # knows.
        if not isinstance(smtp, smtplib.SMTP):
            return
        hand_over: Callable[[Any], tuple[int, bytes]] = smtp.data

        def data(message: Any) -> tuple[int, bytes]:
            self._handing_over = True
            return hand_over(message)

        smtp.data = data  # type: ignore[method-assign, assignment]  # one connection's own, so that its phase is known

    def _trouble(self, verdict: Verdict, detail: str) -> SendOutcome:
        self._close()
        return SendOutcome(verdict=verdict, detail=detail)

    def _close(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            try:
                backend.close()
            except (OSError, smtplib.SMTPException):
                return  # the connection is gone already, which is what was wanted


def _by_provider(error: AnymailAPIError) -> tuple[Verdict, str]:
    """What a provider's answer, or its absence, says of a mail handed to it by HTTP."""
    status = error.status_code
    if status is None:
        cause = error.__cause__
        unheard = isinstance(cause, ConnectTimeout) or "NewConnectionError" in repr(cause)
        return ("transient" if unheard else "unknown"), f"no-answer-{type(cause).__name__}"
    if status in (401, 403, 429):
        return "transient", f"provider-{status}"  # our account or our pace, not this recipient
    return ("permanent" if status < 500 else "unknown"), f"provider-{status}"


def _by_code(code: int) -> Verdict:
    return "permanent" if code >= 500 else "transient"


def _as_email(mail: RenderedMail, key: str) -> EmailMessage:
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    dated = {"Date": format_datetime(mail.dated_at.astimezone(UTC))} if mail.dated_at else {}
    email = EmailMessage(
        subject=mail.subject,
        body=mail.text,
        from_email=formataddr((mail.sender_name, address))
        if mail.sender_name
        else settings.DEFAULT_FROM_EMAIL,
        to=[mail.to],
        # No out-of-office answers to a reminder.
        headers={
            "Message-ID": key,
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            **dated,
        },
    )
    # Comes back with what a provider tells of it; plain SMTP does not look.
    email.metadata = {"message": key.strip("<>").partition("@")[0]}  # type: ignore[attr-defined]  # read by Anymail
    for attachment in mail.attachments:
        email.attach(attachment.filename, attachment.content, attachment.mimetype)
    return email


def message_id_domain() -> str:
    """What stands after the @ of every Message-ID."""
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return address.rpartition("@")[2] or "localhost"


def message_key(public_id: object, domain: str) -> str:
    """The Message-ID of a message: made from its id alone, so that every attempt carries the same one."""
    return f"<{public_id}@{domain}>"
