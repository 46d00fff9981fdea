"""A course that moved to another version: what came due before the move stays judged by the version it came
due under, and the new version asks for the rest.

Pure. Merges the outcomes that `engine.py` gives; decides no status of its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sessions.rules.requirements import Outcome, Requirement, Status

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def carried_over(was: Outcome, now: Outcome, *, moved_at: datetime, version_id: int) -> Outcome:
    """What is asked after a move at `moved_at` from the version `version_id`: `was` is what that version
    makes of the same history, `now` what the new one does."""
    before = {one.key: one for one in was.requirements}
    found = [
        _one(before.pop(one.key, None), one, moved_at=moved_at, version_id=version_id)
        for one in now.requirements
    ]
    # The new version knows nothing of these: what happened stays, what lay ahead is no longer asked.
    found += [_under(one, version_id) for one in before.values() if _settled(one, moved_at)]
    looks = [look for look in (was.next_look, now.next_look) if look is not None]
    return Outcome(
        requirements=tuple(sorted(found, key=lambda one: (one.window.opens_at or _EARLIEST, one.key))),
        next_look=min(looks, default=None),
    )


def _one(was: Requirement | None, now: Requirement, *, moved_at: datetime, version_id: int) -> Requirement:
    if was is not None and _settled(was, moved_at):
        departed_since = now.is_deviation and now.settled_at is not None and now.settled_at > moved_at
        if departed_since and not was.is_deviation:
            return now
        return _under(was, version_id, now)
    if now.came_due_at is not None and now.came_due_at <= moved_at and now.status is not Status.MET:
        if was is not None:
            # The new version would have closed it already; who was asked under the old one still is.
            return _under(was, version_id, now)
        # Nobody was asked for it when it came due.
        return replace(now, status=Status.WITHDRAWN, came_due_at=None)
    return now


def _settled(requirement: Requirement, moved_at: datetime) -> bool:
    due = requirement.came_due_at
    return due is not None and due <= moved_at


def _under(was: Requirement, version_id: int, now: Requirement | None = None) -> Requirement:
    """As the earlier version judged it. What it stands in the way of, and whether it is in place today, is
    the new version's to say."""
    version_id = was.version_id or version_id
    if now is None:
        return replace(was, version_id=version_id)
    return replace(was, version_id=version_id, blocks=now.blocks, in_place=now.in_place)
