"""By which ways somebody who works here is told that something waits. Pure."""

from __future__ import annotations

MAIL, TEXT = "email", "text"


def ways_to_tell(*, texted: bool, safety: bool, by_text: bool) -> tuple[str, ...]:
    """`texted`: the clinic can text them. What is about safety comes by both, whatever they chose (`by_text`)
    for the rest: a mail at three in the morning wakes nobody, and a telephone may be off."""
    if not texted:
        return (MAIL,)
    if safety:
        return (MAIL, TEXT)
    return (TEXT,) if by_text else (MAIL,)
