"""The base of every view of the API: who acts, in which clinic, inside one transaction that says so."""

from __future__ import annotations

from functools import wraps
from typing import Any, ClassVar

from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from clinic.actors import Actor, Seat, acting, seat_for


class OperationView(APIView):
    """A subclass defines `get`, `post` … and finds `self.actor`, `self.seat`; `self.sent(SomeInput)` is the
    checked body.

    The address holds `<slug:slug>`. Every handler runs inside `acting(actor)`: an operation it calls joins
    that transaction, and a Refusal rolls all of it back.
    """

    permission_classes: ClassVar[list[type[BasePermission]]] = [IsAuthenticated]  # type: ignore[misc]  # the stubs make it an instance's

    seat: Seat

    @property
    def actor(self) -> Actor:
        return self.seat.actor

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
            response: Response = handler(self, request, *args, **kwargs)
        return response

    return handle
