"""Reads one environment variable at a time, checks its type, and says in plain words what is wrong with it.
Knows nothing of Django and nothing of what any variable is for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


class SettingRefused(Exception):
    """A setting is missing or makes no sense."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem} (.env.example lists every variable.)")


class Environment:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str | None = None, *, one_of: tuple[str, ...] = ()) -> str:
        value = self._values.get(name, "").strip() or default
        if value is None:
            raise SettingRefused(name, "must be set.")
        if one_of and value not in one_of:
            raise SettingRefused(name, f"must be one of {', '.join(one_of)}; it is {value!r}.")
        return value

    def secret(self, name: str, default: str | None = None) -> str:
        """`NAME`, or the content of the file named by `NAME_FILE` (how Docker and Kubernetes hand over
        secrets)."""
        path = self._values.get(f"{name}_FILE", "").strip()
        if not path:
            return self.text(name, default)
        if self._values.get(name, "").strip():
            raise SettingRefused(name, f"is set and so is {name}_FILE; set one of them.")
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingRefused(f"{name}_FILE", f"cannot be read: {error}.") from error
        if not value:
            raise SettingRefused(f"{name}_FILE", f"names an empty file, {path}.")
        return value

    def boolean(self, name: str, default: bool) -> bool:
        value = self.text(name, "yes" if default else "no").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise SettingRefused(name, f"must be yes or no; it is {value!r}.")

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError as error:
            raise SettingRefused(name, f"must be a whole number; it is {value!r}.") from error
        if not least <= number <= most:
            raise SettingRefused(name, f"must lie between {least} and {most}; it is {number}.")
        return number

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        return [word.strip() for word in self.text(name, ",".join(default)).split(",") if word.strip()]

    def origin(self, name: str, default: str | None = None) -> str:
        value = self.text(name, default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
            raise SettingRefused(name, f"must look like https://alder.example; it is {value!r}.")
        return value

    def database(self, name: str, default: str | None = None) -> dict[str, object]:
        """A libpq URL, read by libpq itself, as Django's DATABASES entry."""
        url = self.secret(name, default)
        if not url.startswith(("postgresql://", "postgres://")):
            raise SettingRefused(name, "must begin with postgresql://.")
        try:
            parts = dict(conninfo_to_dict(url))
        except ProgrammingError as error:
            raise SettingRefused(name, "is not a PostgreSQL address.") from error
        password_file = self._values.get("DATABASE_PASSWORD_FILE", "").strip()
        if password_file:
            parts["password"] = self.secret("DATABASE_PASSWORD")
        if not parts.get("dbname"):
            raise SettingRefused(name, "names no database.")
        taken = {key: parts.pop(key, "") or "" for key in ("dbname", "user", "password", "host", "port")}
        return {
            "NAME": str(taken["dbname"]),
            "USER": str(taken["user"]),
            "PASSWORD": str(taken["password"]),
            "HOST": str(taken["host"]),
            "PORT": str(taken["port"]),
            "OPTIONS": parts,
        }

    def redis(self, name: str, default: str | None = None) -> str:
        url = self.secret(name, default)
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise SettingRefused(name, "must begin with redis://, rediss:// or unix://.")
        return url

    def email(self, name: str, default: str | None = None) -> dict[str, object]:
        """`smtp://user:password@host:port` in the clear, `smtp+tls://` with STARTTLS, `smtps://` within
        TLS."""
        parts = urlsplit(self.secret(name, default))
        ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
        if parts.scheme not in ports or not parts.hostname:
            raise SettingRefused(name, "must look like smtp+tls://user:password@mail.example:587.")
        try:
            port = parts.port or ports[parts.scheme]
            timeout = float(parse_qs(parts.query).get("timeout", ["10"])[0])
        except ValueError as error:
            raise SettingRefused(name, "has a port or a timeout that is not a number.") from error
        return {
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": port,
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
            "EMAIL_USE_SSL": parts.scheme == "smtps",
            "EMAIL_TIMEOUT": timeout,
        }


def from_dotenv(path: Path, values: Mapping[str, str]) -> dict[str, str]:
    """`values` with what `.env` adds to them; what is already set wins."""
    found: dict[str, str] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                found[name.strip()] = value.strip().strip("\"'")
    return found | dict(values)


def process_environment(project: Path) -> Environment:
    return Environment(from_dotenv(project / ".env", os.environ))
