"""Where the embedded services of one checkout keep their data and their sockets. Only names places; starts
nothing."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
DATABASE_NAME = "clinic"
DATABASE_USER = "clinic"
SHARED = Path("/var/tmp")  # noqa: S108  (what lies in it is checked for its owner)
# Set in every process the supervisor starts, so that the next one can find those a killed one left behind.
RUN_VARIABLE = "CLINIC_RUN_FOLDER"
# Another folder than `.local`: a second demo from one checkout, or a test's.
DATA_VARIABLE = "DEMO_FOLDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    data: Path  # survives a restart
    run: Path  # sockets, pid files: short, because a socket's path must stay under 108 characters

    @property
    def database_url(self) -> str:
        return f"postgresql://{DATABASE_USER}@/{DATABASE_NAME}?host={self.run}"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_socket}?db=0"

    @property
    def postgres_data(self) -> Path:
        return self.data / "postgres"

    @property
    def mail(self) -> Path:
        return self.data / "mail"

    @property
    def smtp_port_file(self) -> Path:
        return self.run / "smtp.port"

    @property
    def texts(self) -> Path:
        return self.data / "texts"

    @property
    def text_port_file(self) -> Path:
        return self.run / "text.port"

    @property
    def supervisor_file(self) -> Path:
        return self.run / "supervisor.json"


def of_this_checkout(project: Path = PROJECT) -> Places:
    """The same for every process started from this checkout, and another for every other checkout and
    user."""
    data = Path(os.environ.get(DATA_VARIABLE) or project / ".local")
    return Places(data=data, run=Path(tempfile.gettempdir()) / f"clinic-{_key(data)}")


def elsewhere(path: Path) -> Path:
    """What stands for `path` in a folder that every OS user may enter and that survives a restart."""
    return SHARED / f"clinic-{_key(path)}"


def _key(path: Path) -> str:
    return hashlib.sha256(f"{os.getuid()}:{path}".encode()).hexdigest()[:12]


def everyone_may_traverse(path: Path) -> bool:
    """Whether another OS user can reach `path`: as root the database runs as one."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in [path, *path.parents] if parent.is_dir())
