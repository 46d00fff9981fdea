"""Which providers of mail can take the place of SMTP, and what django-anymail needs to know of each. Reads no
environment and sends nothing."""

from __future__ import annotations

# Those whose call-backs are signed, or carry a secret that only we and they know.
MAIL_PROVIDERS = ("postmark", "mailgun", "sendgrid", "brevo")
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def mail_provider(
    provider: str, *, key: str, hook_secret: str, domain: str, url: str, timeout: float
) -> tuple[str, dict[str, object]]:
    """Django's EMAIL_BACKEND and anymail's settings. `hook_secret` is the provider's signing key, or
    `user:password` where it signs nothing."""
    if provider == "smtp":
        return SMTP, {}
    given: dict[str, object] = {"REQUESTS_TIMEOUT": timeout}
    if provider == "postmark":
        given |= {"POSTMARK_SERVER_TOKEN": key, "WEBHOOK_SECRET": hook_secret}
    elif provider == "mailgun":
        given |= {
            "MAILGUN_API_KEY": key,
            "MAILGUN_SENDER_DOMAIN": domain,
            "MAILGUN_WEBHOOK_SIGNING_KEY": hook_secret,
        }
    elif provider == "sendgrid":
        given |= {"SENDGRID_API_KEY": key, "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": hook_secret}
    else:
        given |= {"BREVO_API_KEY": key, "WEBHOOK_SECRET": hook_secret}
    if url:
        given[f"{provider.upper()}_API_URL"] = url
    return f"anymail.backends.{provider}.EmailBackend", given
