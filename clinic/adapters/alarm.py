"""A mail to whoever runs the installation. Names no patient and no clinic."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import EmailMessage

log = logging.getLogger(__name__)


def alarm(*, subject: str, text: str) -> bool:
    """Whether it could be handed over. True too where nobody is named: there is nobody to try again for."""
    if not settings.ALARM_MAIL:
        return True
    try:
        EmailMessage(subject=subject, body=text, to=settings.ALARM_MAIL).send()
    except Exception:  # whatever a mail server does: the loop goes on, and tries again at its next turn
        log.exception("whoever runs the installation could not be mailed")
        return False
    return True
