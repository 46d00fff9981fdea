"""Whether a client used an id before. Knows no operation and no table of its own."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import Model

from clinic.actors import Actor


def already_there(actor: Actor, row: type[Model], public_id: UUID) -> bool:
    """Whether the actor's clinic has a row of that id. A second request with the same id waits here until the
    first is committed or gone, so that two at once are answered as one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{actor.clinic_id}:{row._meta.db_table}:{public_id}"],
        )
    return row._default_manager.filter(clinic_id=actor.clinic_id, public_id=public_id).exists()
