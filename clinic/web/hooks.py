"""What providers post to us: what became of a message. Believed only with their signature; told twice, taken
once.

Answers say nothing about whom a message was for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from clinic import clock, outbox
from clinic.adapters.mail_reports import mail_reports
from clinic.adapters.text import is_the_providers
from clinic.errors import Forbidden, NotFound
from clinic.models import Clinic, MessageReport

P = ParamSpec("P")
_TEXT_STATUSES = {
    "queued": MessageReport.Status.ACCEPTED,
    "accepted": MessageReport.Status.ACCEPTED,
    "sending": MessageReport.Status.ACCEPTED,
    "sent": MessageReport.Status.ACCEPTED,
    "delivered": MessageReport.Status.DELIVERED,
    "read": MessageReport.Status.DELIVERED,
    "undelivered": MessageReport.Status.FAILED,
    "failed": MessageReport.Status.FAILED,
}


def from_text_provider(
    view: Callable[Concatenate[HttpRequest, Clinic, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """A post signed by the provider of texts, about one clinic. Anything else is refused without a word."""

    @csrf_exempt
    @never_cache
    @require_POST
    @wraps(view)
    def believed(request: HttpRequest, /, clinic: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        said = [(name, value) for name, values in request.POST.lists() for value in values]
        # The address as the provider knows it, whatever a proxy in between has made of the host.
        address = settings.SITE_URL + request.get_full_path()
        signature = request.headers.get("X-Twilio-Signature", "")
        found = Clinic.objects.filter(slug=clinic).first()
        if found is None or not is_the_providers(address, said, signature=signature):
            return HttpResponse(status=403)
        return view(request, found, *args, **kwargs)

    return believed


@from_text_provider
def text_report(request: HttpRequest, clinic: Clinic, message: UUID) -> HttpResponse:
    status = _TEXT_STATUSES.get(request.POST.get("MessageStatus", ""))
    if status is None:
        return HttpResponse(status=204)  # a step between, which changes nothing
    try:
        outbox.take_report(
            clinic_id=clinic.pk,
            message=message,
            status=status,
            provider_id=request.POST.get("MessageSid", ""),
            code=request.POST.get("ErrorCode", ""),
            now=clock.now(),
        )
    except NotFound:
        return HttpResponse(status=404)
    return HttpResponse(status=204)


@csrf_exempt
@never_cache
@require_POST
def mail_report(request: HttpRequest) -> HttpResponse:
    try:
        reports = mail_reports(request)
    except Forbidden:
        return HttpResponse(status=403)
    for report in reports:
        # One of a batch that is not ours must not have the whole batch told again for ever.
        with suppress(NotFound):
            outbox.take_report(
                clinic_id=outbox.clinic_of(report.message),
                message=report.message,
                status=report.status,
                provider_id=report.provider_id,
                code=report.code,
                now=clock.now(),
            )
    return HttpResponse(status=204)
