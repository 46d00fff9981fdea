"""The moves of a protocol version. Nothing here moves anything: operations do, and a migration turns the same
rows into a trigger."""

from __future__ import annotations

from clinic.rules.moves import Move, MoveTable, table


def _row(from_status: str, action: str, to_status: str, event: str, *, needs_reason: bool = False) -> Move:
    return Move(
        from_status=from_status, action=action, to_status=to_status, event=event, needs_reason=needs_reason
    )


VERSION_MOVES: MoveTable = table(
    "protocol_version",
    initial=("draft",),
    rows=(
        _row("draft", "send", "in_review", "protocol_sent_for_review"),
        _row("in_review", "return", "draft", "protocol_returned", needs_reason=True),
        _row("in_review", "approve", "reviewed", "protocol_approved"),
        _row("reviewed", "return", "draft", "protocol_returned", needs_reason=True),
        _row("reviewed", "publish", "published", "protocol_published"),
        _row("published", "retire", "retired", "protocol_retired", needs_reason=True),
    ),
)
