"""What many tests begin with, made once in a run: its rows are copied back into the next empty database, in a
few hundredths of the time. Ids stay as they were made. What a test adds gets later ones: no sequence runs
backwards, not even when a test is rolled back."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

from clinic.models import Clinic, Person

P = ParamSpec("P")
T = TypeVar("T")
Rows = dict[str, bytes]  # of each table, as COPY writes them

_ALL_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class AS c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""
_kept: dict[object, tuple[Rows, bytes]] = {}


def kept(make: Callable[P, T]) -> Callable[P, T]:
    """For a maker whose arguments can be keys, and whose value can be pickled. It makes anew where something
    stands already, and where the database is one's own and its user may not put rows back as they were."""

    @wraps(make)
    def made_or_copied(*args: P.args, **kwargs: P.kwargs) -> T:
        if Clinic.objects.exists() or Person.objects.exists() or not _may_copy():
            return make(*args, **kwargs)
        key = (make.__qualname__, connection.settings_dict["NAME"], args, tuple(sorted(kwargs.items())))
        if key in _kept:
            rows, value = _kept[key]
            _copy_back(rows)
            again: T = pickle.loads(value)
            return again
        with transaction.atomic():
            before = {table for table in _tables() if _has_rows(table)}
            found = make(*args, **kwargs)
            rows = {table: _rows_of(table) for table in _tables() if table not in before}
        _kept[key] = ({table: text for table, text in rows.items() if text}, pickle.dumps(found))
        return found

    return made_or_copied


def _may_copy() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_ALL_TABLES)
        return [name for (name,) in cursor.fetchall()]


def _has_rows(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
        return bool(cursor.fetchone()[0])


def _rows_of(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy)


def _copy_back(rows: Rows) -> None:
    with transaction.atomic(), _without_triggers():
        for table, text in rows.items():
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(text)


@contextmanager
def _without_triggers() -> Iterator[None]:
    """They have judged these rows once; and one that is restored stands in no order."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")
