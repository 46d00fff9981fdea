"""The tables are emptied after a test whatever a request or a killed process still holds of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.utils import OperationalError
from psycopg.errors import DeadlockDetected


def empty_in_spite_of_deadlocks(tries: int = 5) -> None:
    """Emptying locks every table, one after the other. Whoever writes in the meantime, a closed page's last
    request, may hold one and wait for another: PostgreSQL then ends one of the two, and when that is the
    emptying, the other has what it waited for and comes to its end. Holds for every connection: while
    Playwright runs its event loop in this thread, Django has another one here than before and after."""
    once = BaseDatabaseOperations.execute_sql_flush

    def emptied(self: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
        statements = list(sql_list)
        for left in reversed(range(tries)):
            try:
                once(self, statements)
            except OperationalError as error:
                if not left or not isinstance(error.__cause__, DeadlockDetected):
                    raise
            else:
                return

    BaseDatabaseOperations.execute_sql_flush = emptied  # type: ignore[method-assign]
