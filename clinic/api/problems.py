"""Every refusal of the API as an RFC 9457 problem that says what was wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from clinic.errors import BadInput, Forbidden, NotFound, Refusal

NON_FIELD = api_settings.NON_FIELD_ERRORS_KEY or "non_field_errors"


class ProblemRenderer(JSONRenderer):
    media_type = "application/problem+json"
    format = "problem"


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. What is none of these is a fault of ours, and becomes a 500."""
    if isinstance(exc, Http404):
        exc = NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = Forbidden()
    headers: dict[str, str] = {}
    if isinstance(exc, Refusal):
        problem = problem_of(exc)
    elif isinstance(exc, exceptions.ValidationError):
        problem = problem_of(BadInput(fields=flat(exc.detail)))
    elif isinstance(exc, exceptions.APIException):
        problem, headers = _from_api_exception(exc)
    else:
        return None
    set_rollback()
    request = context.get("request")
    if request is not None:
        problem["instance"] = request.path
        request.accepted_renderer = ProblemRenderer()
        request.accepted_media_type = ProblemRenderer.media_type
    response = Response(problem, status=problem["status"], headers=headers)
    response.content_type = ProblemRenderer.media_type
    return response


def problem_of(refusal: Refusal) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": refusal.message,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.message,
        "advice": refusal.advice,
        "errors": [
            {"field": name, "message": message}
            for name, messages in refusal.fields.items()
            for message in messages
        ],
    }
    if refusal.data:
        problem["data"] = refusal.data
    return problem


def _from_api_exception(exc: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    code = exc.default_code.replace("_", "-")
    advice = ""
    seconds: float | None = getattr(exc, "wait", None)  # of a Throttled; the stubs do not know it
    if seconds is not None:
        headers["Retry-After"] = str(int(seconds))
        advice = _("Wait %(seconds)d seconds, then try again.") % {"seconds": seconds}
    elif isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        advice = _("Sign in first.")
        header = getattr(exc, "auth_header", None)
        if header:
            headers["WWW-Authenticate"] = header
    elif isinstance(exc, exceptions.UnsupportedMediaType):
        advice = _("Send JSON, with Content-Type: application/json.")
    title = str(exc.detail)
    problem = {
        "type": f"/problems/{code}",
        "title": title,
        "status": exc.status_code,
        "code": code,
        "detail": title,
        "advice": advice,
        "errors": [],
    }
    return problem, headers


def flat(detail: Any, at: str = "") -> dict[str, list[str]]:
    """DRF's nested errors, with each field's path written in one word: `items[2].amount`."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            path = at if name == NON_FIELD else f"{at}.{name}" if at else str(name)
            found.update(flat(inner, path))
        return found
    if isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        found = {}
        for place, inner in enumerate(detail):
            if inner:
                found.update(flat(inner, f"{at}[{place}]"))
        return found
    messages = detail if isinstance(detail, list) else [detail]
    return {at: [str(message) for message in messages]}


class StrictSerializer(Serializer[Any]):
    """Base of every input: a field it does not know is an error, not something to be passed over in
    silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(map(str, data)) - set(self.fields))
            if unknown:
                raise exceptions.ValidationError(
                    {name: [_("There is no field of this name.")] for name in unknown}
                )
        return super().to_internal_value(data)


class ProblemError(Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()


class Problem(Serializer[Any]):
    """What the schema says about every refusal."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    advice = serializers.CharField(allow_blank=True)
    instance = serializers.CharField(required=False)
    errors = ProblemError(many=True)  # type: ignore[assignment]  # and the clients' field errors so
    data = serializers.DictField(required=False)  # type: ignore[assignment]  # gates unmet, confirmations asked
