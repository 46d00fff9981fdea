"""Starts a process that does not outlive its parent, and ends one. Knows nothing of what the process does."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Looked up here: between fork and exec a lock of the loader may be held by a thread that is no more.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


class LocalServiceRefused(Exception):
    """Something on this machine keeps the embedded services from running; the message says what to do."""


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def in_the_child() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # It died before we could ask.
                os.kill(os.getpid(), signal.SIGKILL)

    return in_the_child


def start(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: tuple[int, int] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """The child gets its own session: Ctrl-C reaches only the parent, which then ends its children in order.
    If the parent is killed outright, Linux sends `death_signal` to the child."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
            # Where there are other threads it must take no lock: it touches nothing but the kernel.
            preexec_fn=_die_with(os.getpid(), death_signal),  # noqa: PLW1509  # see the line above
        )


def end(
    process: subprocess.Popen[bytes],
    *,
    first: signal.Signals = signal.SIGTERM,
    then: signal.Signals = signal.SIGKILL,
    patience_seconds: float = 10,
) -> None:
    """Ask, wait, insist. Insisting reaches the child's whole session, so that no grandchild stays behind."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(timeout=patience_seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(then)
            process.wait(timeout=30)
    if then == signal.SIGKILL:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def tail(log: Path, lines: int = 25) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
