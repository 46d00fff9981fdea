"""Values that are made by the thousand. Knows nothing of what they mean."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

T = TypeVar("T")


def made_fast(cls: type[T]) -> type[T]:
    """A frozen dataclass, frozen for the type checker alone.

    Python's own guard goes through `object.__setattr__` for every field of every value that is made: for a
    requirement of two dozen fields three times what the rest of making it costs, and one course is made of
    thousands of such values. The whole house is type-checked strictly, so nothing that changes one gets in;
    equality, hash and `replace` are as before.
    """
    own = fields(cls)  # type: ignore[arg-type]  # put above @dataclass(frozen=True), so it is one
    names = {one.name: one.type for one in own}
    given = {one.name: one.default for one in own if one.default is not MISSING}
    plain: type[Any] = dataclass(kw_only=True)(type(cls.__name__, (), {"__annotations__": names, **given}))
    cls.__init__ = plain.__init__  # type: ignore[method-assign]  # as Python itself does
    for guard in ("__setattr__", "__delattr__"):
        delattr(cls, guard)
    return cls
