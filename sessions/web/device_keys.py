"""The key under which a person's unsent text lies on their device: made anew from the house's secret whenever
they ask for it, kept nowhere, and given to nobody but them.

The device holds the encrypted text and never the key; a tablet that is lost or signed out holds nothing that
can be read. See docs/decisions/0013.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token

from sessions.web.door import Door, staff

PURPOSE = b"text waiting on a device, AES-256-GCM, 1:"


@staff
def device_keys(door: Door) -> HttpResponse:
    """The first key encrypts; all are tried for decrypting, so that a changed secret loses no text. A page
    that is still open from before somebody else signed in sees that the keys are not for its person; one from
    before the same person signed in again can send with the token."""
    about = PURPOSE + f"{door.clinic.public_id}:{door.person.public_id}".encode()
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return JsonResponse(
        {
            "person": str(door.person.public_id),
            "token": get_token(door.request),
            "keys": [
                base64.b64encode(hmac.new(secret.encode(), about, hashlib.sha256).digest()).decode()
                for secret in secrets
            ],
        }
    )
