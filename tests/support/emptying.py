"""The tables are emptied after a test whatever a request or a killed process still holds of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.utils import OperationalError
from psycopg.errors import DeadlockDetected


def empty_in_spite_of_deadlocks(tries: int = 5) -> None:
    """Emptying locks every table, one after the other. Whoever writes in the meantime, a closed page's last
    request, may hold one and wait for another: PostgreSQL then ends one of the two, and when that is the
    emptying, the other has what it waited for and comes to its end."""
    ops = connection.ops
    once = ops.execute_sql_flush

    def emptied(sql_list: Iterable[str]) -> None:
        statements = list(sql_list)
        for left in reversed(range(tries)):
            try:
                once(statements)
            except OperationalError as error:
                if not left or not isinstance(error.__cause__, DeadlockDetected):
                    raise
            else:
                return

    ops.execute_sql_flush = emptied  # type: ignore[method-assign]  # this connection's alone
