"""Promises that anybody can check: views in the database that must show no row, and in words what each one
promises. Apps register theirs from their `ready()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_ANSWER = "proofs"
MOST_COUNTED = 1000
"""More than so many rows of a view are not told apart: one is too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    view: str
    promise: str | Promise
    quick: bool  # served by an index, so that the health page can ask it every minute


_proofs: dict[str, Proof] = {}


def register(*proofs: Proof) -> None:
    for proof in proofs:
        _proofs[proof.view] = proof


def registered() -> tuple[Proof, ...]:
    return tuple(_proofs.values())


def broken(*, quick: bool = False, clinic_id: int | None = None) -> Mapping[str, int]:
    """How many rows each promise's view shows, those with none left out. One query."""
    asked = [proof.view for proof in _proofs.values() if proof.quick or not quick]
    counts = " UNION ALL ".join(
        f"SELECT '{view}', count(*) FROM (SELECT FROM {view} WHERE %(clinic)s::bigint IS NULL"  # noqa: S608  # names of ours
        f" OR clinic_id = %(clinic)s::bigint LIMIT {MOST_COUNTED}) found"
        for view in asked
    )
    with connection.cursor() as cursor:
        cursor.execute(counts, {"clinic": clinic_id})
        return {view: count for view, count in cursor.fetchall() if count}


def prove(*, now: datetime) -> Mapping[str, int]:
    """Ask all of them, and keep the answer for the health page until somebody asks again."""
    found = broken()
    cache.set(_ANSWER, {"at": now, "broken": dict(found)}, timeout=None)
    return found


def standing() -> Mapping[str, object]:
    """For the health page: the quick ones as they are, the others as they were when they were last asked."""
    quick = {proof.view for proof in _proofs.values() if proof.quick}
    last = cache.get(_ANSWER) or {"at": None, "broken": {}}
    slow = {view: rows for view, rows in last["broken"].items() if view not in quick and view in _proofs}
    found = {**broken(quick=True), **slow}
    return {"ok": not found, "broken": found, "all_asked_at": last["at"]}


register(
    Proof(
        view="never_waiting_past_its_time",
        promise=_("No message waits more than two minutes past its time."),
        quick=True,
    ),
    Proof(
        view="never_leased_for_ever",
        promise=_("No message stays with a worker that is gone."),
        quick=True,
    ),
    Proof(
        view="never_sent_without_an_intent",
        promise=_("No message went out that was not written down first."),
        quick=False,
    ),
    Proof(
        view="never_sent_after_it_was_cancelled",
        promise=_("No message went out after it was cancelled."),
        quick=False,
    ),
    Proof(view="never_accepted_twice", promise=_("No message was accepted twice."), quick=False),
)
