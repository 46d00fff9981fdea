"""Mail by a provider's own interface instead of SMTP, against a local server that misbehaves; and what the
provider tells of a mail afterwards."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from clinic import outbox
from clinic.adapters.mail import MailChannel, RenderedMail
from clinic.mail_providers import mail_provider
from clinic.models import Message, MessageLog, MessageReport
from tests.clinic.house import NOON, Teller, a_clinic, a_spec, registered
from tests.support.processes import free_port

MAIL = RenderedMail(to="pat@example.org", subject="A note", text="Hello", sender_name="Alder")
ID = "018f0000-0000-7000-8000-00000000000a"
SECRET = "hooks:a-long-secret"


class Postmark:
    """Answers as told; `drop` cuts the line once the mail is here."""

    def __init__(self) -> None:
        self.status = 200
        self.drop = False
        self.taken: list[dict[str, Any]] = []
        postmark = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                postmark.taken.append(sent)
                if postmark.drop:
                    self.connection.close()
                    return
                ok = postmark.status == 200
                answer = {
                    "ErrorCode": 0 if ok else 300,
                    "Message": "OK" if ok else "no",
                    "MessageID": "pm-1",
                    "To": sent["To"],
                }
                body = json.dumps(answer).encode()
                self.send_response(postmark.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def postmark(settings: Any) -> Iterator[Postmark]:
    server = Postmark()
    use(settings, "postmark", server.url)
    yield server
    server.server.shutdown()
    server.server.server_close()


def use(settings: Any, provider: str, url: str = "") -> None:
    settings.MAIL_PROVIDER = provider
    settings.EMAIL_BACKEND, settings.ANYMAIL = mail_provider(
        provider, key="a-key", hook_secret=SECRET, domain="clinic.example", url=url, timeout=2
    )


def send() -> tuple[str, str]:
    with MailChannel() as channel:
        outcome = channel.send(MAIL, key=f"<{ID}@clinic.example>")
    return outcome.verdict, outcome.detail


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "accepted"),
        (401, "transient"),
        (422, "permanent"),
        (429, "transient"),
        (500, "unknown"),
        (503, "unknown"),
    ],
)
def test_what_the_provider_answers_decides_what_became_of_the_mail(
    postmark: Postmark, status: int, verdict: str
) -> None:
    postmark.status = status
    assert send()[0] == verdict
    [taken] = postmark.taken
    assert taken["Metadata"] == {"message": ID}, "so that what is told of it later finds it again"


def test_a_line_cut_after_the_mail_was_handed_over_leaves_it_unknown(postmark: Postmark) -> None:
    postmark.drop = True
    assert send()[0] == "unknown"


def test_a_provider_that_is_not_there_accepted_nothing(settings: Any) -> None:
    use(settings, "postmark", f"http://127.0.0.1:{free_port()}/")
    assert send()[0] == "transient"


# --- what is told afterwards ---


@pytest.fixture
def teller(db: None) -> Iterator[Teller]:
    with registered(Teller()) as teller:
        yield teller


def sent(settings: Any) -> Message:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    outbox.plan(specs=[a_spec(a_clinic())], now=NOON)
    message = Message.objects.get()
    outbox.send_due_messages(now=NOON)
    return message


def tell(body: dict[str, Any], *, secret: str = SECRET) -> int:
    return (
        Client(enforce_csrf_checks=True)
        .post(
            "/hooks/mail/",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": "Basic " + b64encode(secret.encode()).decode()},
        )
        .status_code
    )


def bounce(message: Message) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "ID": 42,
        "MessageID": "pm-1",
        "Metadata": {"message": str(message.public_id)},
        "Email": "pat@example.org",
        "BouncedAt": "2026-03-10T12:00:00Z",
    }


def test_a_bounce_is_told_to_the_owner_once_and_only_with_the_secret(settings: Any, teller: Teller) -> None:
    message = sent(settings)
    use(settings, "postmark")
    assert tell(bounce(message), secret="hooks:guessed") == 403
    assert teller.undeliverable == []
    for _again in range(3):
        assert tell(bounce(message)) == 204
    assert teller.undeliverable == [("visit:1", "failed", "bounced")]
    assert (MessageLog.objects.get().state, MessageReport.objects.count()) == ("failed", 1)


def test_without_a_secret_nothing_is_believed(settings: Any, teller: Teller) -> None:
    message = sent(settings)
    use(settings, "postmark")
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ""}
    assert tell(bounce(message), secret="") == 403
    settings.MAIL_PROVIDER = "smtp"
    assert tell(bounce(message)) == 403


def test_a_complaint_is_told_to_the_owner(settings: Any, db: None) -> None:
    told: list[str] = []
    with registered(Teller(), on_refused=lambda message, _reason, _now: told.append(message.subject_key)):
        message = sent(settings)
        use(settings, "postmark")
        complaint = bounce(message) | {"RecordType": "SpamComplaint", "Type": "SpamComplaint"}
        assert tell(complaint) == tell(complaint) == 204
    assert told == ["visit:1"]


def test_a_signed_report_counts_and_a_tampered_or_unknown_one_does_not(settings: Any, teller: Teller) -> None:
    message = sent(settings)
    use(settings, "mailgun")

    def signed(about: object, *, key: str = SECRET) -> dict[str, Any]:
        token = "a" * 50
        signature = hmac.new(key.encode(), f"1700000000{token}".encode(), hashlib.sha256).hexdigest()
        return {
            "signature": {"timestamp": "1700000000", "token": token, "signature": signature},
            "event-data": {
                "event": "delivered",
                "id": "ev-1",
                "timestamp": 1700000000.0,
                "recipient": "pat@example.org",
                "message": {"headers": {"message-id": "x@clinic.example"}},
                "user-variables": {"message": str(about)},
            },
        }

    assert tell(signed(message.public_id, key="another")) == 403
    assert MessageLog.objects.get().state == "handed_off"
    assert tell(signed(ID)) == 204, "not one of ours"
    assert tell(signed(message.public_id)) == 204
    assert MessageLog.objects.get().state == "delivered"
