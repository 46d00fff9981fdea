"""The moves of a course, its stages, bookings and session records. Nothing here moves anything: operations
do.

Actions are verbs, events past participles. Plain data, because a migration turns the same rows into triggers.
"""

from __future__ import annotations

from clinic.rules.moves import Move, MoveTable, table

TAKE_BACK = "take_back_to_"
"""Begins the actions that nobody takes by hand: an act on a course that was entered in error is no act."""


def _row(
    from_status: str,
    action: str,
    to_status: str,
    event: str,
    *,
    needs_reason: bool = False,
) -> Move:
    return Move(
        from_status=from_status,
        action=action,
        to_status=to_status,
        event=event,
        needs_reason=needs_reason,
    )


COURSE_MOVES: MoveTable = table(
    "course",
    initial=("enrolled",),
    rows=(
        _row("enrolled", "begin", "active", "course_begun"),
        _row(
            "enrolled",
            "put_on_hold",
            "on_hold",
            "course_put_on_hold",
            needs_reason=True,
        ),
        _row("enrolled", "withdraw", "withdrawn", "course_withdrawn", needs_reason=True),
        _row(
            "enrolled",
            "discontinue",
            "discontinued",
            "course_discontinued",
            needs_reason=True,
        ),
        _row("active", "put_on_hold", "on_hold", "course_put_on_hold", needs_reason=True),
        _row("active", "complete", "completed", "course_completed"),
        _row("active", "withdraw", "withdrawn", "course_withdrawn", needs_reason=True),
        _row(
            "active",
            "discontinue",
            "discontinued",
            "course_discontinued",
            needs_reason=True,
        ),
        _row("on_hold", "resume", "active", "course_resumed"),
        _row("on_hold", "withdraw", "withdrawn", "course_withdrawn", needs_reason=True),
        _row(
            "on_hold",
            "discontinue",
            "discontinued",
            "course_discontinued",
            needs_reason=True,
        ),
        # Entered in error: the course stands where it would without the act. A trigger asks for the mark.
        *(
            _row(ended, f"{TAKE_BACK}{goal}", goal, "course_end_taken_back", needs_reason=True)
            for ended in ("completed", "withdrawn", "discontinued")
            for goal in ("enrolled", "active", "on_hold")
        ),
        _row("on_hold", f"{TAKE_BACK}enrolled", "enrolled", "course_hold_taken_back", needs_reason=True),
        _row("on_hold", f"{TAKE_BACK}active", "active", "course_hold_taken_back", needs_reason=True),
        _row("active", f"{TAKE_BACK}enrolled", "enrolled", "course_hold_taken_back", needs_reason=True),
        _row("active", f"{TAKE_BACK}on_hold", "on_hold", "course_resumption_taken_back", needs_reason=True),
        # The enrolment itself was.
        *(
            _row(
                status,
                f"{TAKE_BACK}nothing",
                "entered_in_error",
                "enrolment_entered_in_error",
                needs_reason=True,
            )
            for status in ("enrolled", "active", "on_hold", "completed", "withdrawn", "discontinued")
        ),
    ),
)

STAGE_MOVES: MoveTable = table(
    "course_stage",
    initial=("waiting",),
    rows=(
        _row("waiting", "enter", "active", "stage_entered"),
        _row("waiting", "skip", "skipped", "stage_skipped"),
        _row("active", "finish", "finished", "stage_finished"),
        _row("active", "skip", "skipped", "stage_skipped"),
        # A correction (a session that turned out not to count) can make a stage wait again or go on.
        _row("active", "leave", "waiting", "stage_left"),
        _row("finished", "reopen", "active", "stage_reopened"),
        _row("skipped", "reopen", "active", "stage_reopened"),
    ),
)

BOOKING_MOVES: MoveTable = table(
    "session_booking",
    initial=("booked",),
    rows=(
        _row("booked", "check_in", "checked_in", "patient_checked_in"),
        _row("booked", "use", "used", "booking_used"),
        _row("booked", "cancel", "cancelled", "booking_cancelled", needs_reason=True),
        _row("booked", "mark_no_show", "no_show", "no_show_marked"),
        _row("checked_in", "use", "used", "booking_used"),
        _row("checked_in", "cancel", "cancelled", "booking_cancelled", needs_reason=True),
        # The way back from a slip: the wrong patient was checked in, the wrong session started.
        _row(
            "checked_in",
            "undo_check_in",
            "booked",
            "check_in_undone",
            needs_reason=True,
        ),
        _row("used", "release", "booked", "booking_released", needs_reason=True),
        _row("no_show", "undo_no_show", "booked", "no_show_undone", needs_reason=True),
        # Cancelled by the end of a course, or a stop of its dosing, that was entered in error.
        _row("cancelled", "restore", "booked", "booking_restored", needs_reason=True),
    ),
)

RECORD_MOVES: MoveTable = table(
    "session_record",
    initial=("under_way", "ended"),  # a session entered afterwards is born ended
    rows=(
        _row("under_way", "end", "ended", "session_ended"),
        # The way back from a slip: started in error. A void record is not a fact.
        _row("under_way", "void", "void", "session_started_in_error", needs_reason=True),
        _row("ended", "sign", "signed", "record_signed"),
        # Recorded in the wrong chart or in error: marked by its author, confirmed by a second person.
        _row("ended", "enter_in_error", "entered_in_error", "session_entered_in_error", needs_reason=True),
        _row("signed", "enter_in_error", "entered_in_error", "session_entered_in_error", needs_reason=True),
    ),
)

TABLES: tuple[MoveTable, ...] = (COURSE_MOVES, STAGE_MOVES, BOOKING_MOVES, RECORD_MOVES)
