"""Texts that patients send back, as the provider posts them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from clinic import clock
from clinic.models import Clinic
from clinic.rules.telephone import text_number
from clinic.web.hooks import from_text_provider
from sessions.operations.texts import receive_text

# An empty answer in the provider's own language: it sends nothing by itself.
NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


@from_text_provider
def text_received(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    if text_number(request.POST.get("To", "")) != clinic.text_sender or not request.POST.get("MessageSid"):
        return HttpResponse(status=404)
    receive_text(
        clinic_id=clinic.pk,
        provider_id=request.POST["MessageSid"],
        number=text_number(request.POST.get("From", "")),
        body=request.POST.get("Body", ""),
        now=clock.now(),
    )
    return HttpResponse(NOTHING_TO_SAY, content_type="text/xml")
