"""What a provider of mail posts about mails it took, checked for its signature and put into our words.
Knows the providers through django-anymail; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from uuid import UUID

from anymail.exceptions import AnymailWebhookValidationFailure
from django.conf import settings
from django.http import HttpRequest

from clinic.errors import Forbidden
from clinic.mail_providers import MAIL_PROVIDERS

_VIEWS = {
    "postmark": "PostmarkTrackingWebhookView",
    "mailgun": "MailgunTrackingWebhookView",
    "sendgrid": "SendGridTrackingWebhookView",
    "brevo": "BrevoTrackingWebhookView",
}
# anymail's words for what happened, in ours. "deferred" and the like change nothing; opened and clicked are
# nobody's business.
_STATUSES = {
    "sent": "accepted",
    "queued": "accepted",
    "delivered": "delivered",
    "bounced": "failed",
    "rejected": "failed",
    "failed": "failed",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
# Where the provider signs, its key; where it does not, the secret it sends along.
_SECRETS = {
    "postmark": "WEBHOOK_SECRET",
    "brevo": "WEBHOOK_SECRET",
    "mailgun": "MAILGUN_WEBHOOK_SIGNING_KEY",
    "sendgrid": "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReport:
    message: UUID
    status: str
    provider_id: str
    code: str


def mail_reports(request: HttpRequest) -> Sequence[MailReport]:
    """Those about messages of ours. Raises Forbidden for what is not the provider's."""
    provider = settings.MAIL_PROVIDER
    if provider not in MAIL_PROVIDERS or not settings.ANYMAIL.get(_SECRETS[provider]):
        raise Forbidden()
    view = getattr(import_module(f"anymail.webhooks.{provider}"), _VIEWS[provider])()
    try:
        view.run_validators(request)
        events = view.parse_events(request)
    except (AnymailWebhookValidationFailure, json.JSONDecodeError, KeyError, ValueError) as error:
        raise Forbidden() from error
    found = []
    for event in events:
        message, status = _uuid((event.metadata or {}).get("message", "")), _STATUSES.get(event.event_type)
        if message is not None and status is not None:
            found.append(
                MailReport(
                    message=message,
                    status=status,
                    provider_id=str(event.event_id or event.message_id or ""),
                    code=str(event.reject_reason or "")[:60],
                )
            )
    return found


def _uuid(words: object) -> UUID | None:
    try:
        return UUID(str(words))
    except ValueError:
        return None
