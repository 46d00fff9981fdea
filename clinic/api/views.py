"""The base of every view of the API: who acts, in which clinic, inside one transaction that says so, answered
in the words of the protocol that it is about."""

from __future__ import annotations

from contextlib import ExitStack
from functools import wraps
from typing import Any, ClassVar

from django.http import HttpResponseBase
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from clinic.actors import Actor, Seat, acting, seat_for
from clinic.errors import Refusal
from clinic.own_words import in_own_words, speaking
from clinic.rules.own_words import OwnWords


class OperationView(APIView):
    """A subclass defines `get`, `post` … and finds `self.actor`, `self.seat`; `self.sent(SomeInput)` is the
    checked body.

    The address holds `<slug:slug>`. Every handler runs inside `acting(actor)`: an operation it calls joins
    that transaction, and a Refusal rolls all of it back.
    """

    permission_classes: ClassVar[list[type[BasePermission]]] = [IsAuthenticated]  # type: ignore[misc]  # the stubs make it an instance's

    seat: Seat
    spoken: ExitStack

    @property
    def actor(self) -> Actor:
        return self.seat.actor

    def own_words(self) -> OwnWords:
        """In whose words it answers: asked once, inside the transaction. A house that knows says."""
        return OwnWords({})

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self.spoken:  # until the problem is written, if it becomes one
            return super().dispatch(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Refusal):
            in_own_words(exc)
        return super().handle_exception(exc)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.seat = seat_for(request, kwargs["slug"])

    def sent(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        reader = serializer(data=self.request.data)
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for method in ("get", "post", "put", "patch", "delete"):
            if method in cls.__dict__:
                setattr(cls, method, _inside_acting(cls.__dict__[method]))


def _inside_acting(handler: Any) -> Any:
    @wraps(handler)
    def handle(self: OperationView, request: Request, *args: Any, **kwargs: Any) -> Response:
        with acting(self.actor):
            self.spoken.enter_context(speaking(self.own_words()))
            response: Response = handler(self, request, *args, **kwargs)
        return response

    return handle
