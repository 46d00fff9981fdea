"""What an installation may and may not be told by its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinic.environment import Environment, SettingRefused, from_dotenv
from clinic.logs import mask
from tests.architecture.source import PROJECT

PRODUCTION = {
    "CLINIC_MODE": "production",
    "SECRET_KEY": "x" * 60,
    "SITE_URL": "https://alder.example",
    "DATABASE_URL": "postgresql://clinic:secret@db.example:5433/clinic?sslmode=verify-full",
    "REDIS_URL": "redis://redis.example:6379/0",
    "EMAIL_URL": "smtp+tls://user:p%40ss@mail.example",
    "MAIL_FROM": "post@alder.example",
}


def read_settings(
    values: dict[str, str], *, ask: str = "settings.CLINIC_MODE"
) -> subprocess.CompletedProcess[str]:
    """Settings are read once per process, so each case is one."""
    return subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; print({ask})"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "clinic.settings", **values},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_starts_with_everything_set() -> None:
    ran = read_settings(PRODUCTION)
    assert (ran.returncode, ran.stdout.strip()) == (0, "production"), ran.stderr


@pytest.mark.parametrize("name", sorted(set(PRODUCTION) - {"CLINIC_MODE"}))
def test_production_has_no_default_for(name: str) -> None:
    ran = read_settings({**PRODUCTION, name: ""})
    assert ran.returncode != 0
    assert f"{name}: must be set" in ran.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SECRET_KEY", "short", "at least 50 characters"),
        ("SECRET_KEY", "the-demo-runs-on-one-machine-and-keeps-no-secret", "your own"),
        ("SITE_URL", "http://clinic.example", "must begin with https://"),
        ("SITE_URL", "clinic.example", "must look like https://"),
        ("DATABASE_URL", "sqlite:///clinic.db", "must begin with postgresql://"),
        ("REDIS_URL", "amqp://broker", "must begin with redis://"),
        ("EMAIL_URL", "mail.example", "must look like smtp+tls://"),
        ("PORT", "many", "must be a whole number"),
        ("PORT", "70000", "must lie between 1 and 65535"),
        ("LOG_LEVEL", "LOUD", "must be one of"),
        ("TRUST_FORWARDED_PROTO", "perhaps", "must be yes or no"),
        ("SECOND_FACTOR", "sometimes", "must be one of required, optional"),
        ("SECOND_FACTOR_KEYS", f"{'k' * 40}, short", "at least 32 characters"),
        ("TRUSTED_PROXIES", "-1", "must lie between 0 and 9"),
        ("CLINIC_MODE", "staging", "must be one of demo, test, production"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: str, message: str) -> None:
    ran = read_settings({**PRODUCTION, name: value})
    assert ran.returncode != 0
    assert name in ran.stderr
    assert message in ran.stderr


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (PRODUCTION, "required"),
        ({**PRODUCTION, "SECOND_FACTOR": "optional"}, "optional"),
        ({"CLINIC_MODE": "demo"}, "optional"),
        ({"CLINIC_MODE": "test"}, "optional"),
        ({"CLINIC_MODE": "demo", "SECOND_FACTOR": "required"}, "required"),
    ],
)
def test_a_second_factor_is_required_in_production_unless_said_otherwise(
    values: dict[str, str], expected: str
) -> None:
    assert read_settings(values, ask="settings.SECOND_FACTOR").stdout.strip() == expected


def test_no_refusal_repeats_a_secret() -> None:
    ran = read_settings({**PRODUCTION, "DATABASE_URL": "mysql://clinic:hunter2@db.example/clinic"})
    assert "hunter2" not in ran.stderr


def test_without_a_mode_it_is_production() -> None:
    ran = read_settings({"CLINIC_MODE": "", "SECRET_KEY": ""})
    assert ran.returncode != 0
    assert "CLINIC_MODE=demo" in ran.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("y" * 60 + "\n")
    values = {**PRODUCTION, "SECRET_KEY": "", "SECRET_KEY_FILE": str(secret)}
    assert read_settings(values, ask="settings.SECRET_KEY").stdout.strip() == "y" * 60


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("y" * 60)
    with pytest.raises(SettingRefused, match="set one of them"):
        Environment({"SECRET_KEY": "x", "SECRET_KEY_FILE": str(secret)}).secret("SECRET_KEY")


def test_a_secret_file_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(SettingRefused, match="empty file"):
        Environment({"KEY_FILE": str(empty)}).secret("KEY")
    with pytest.raises(SettingRefused, match="cannot be read"):
        Environment({"KEY_FILE": str(tmp_path / "missing")}).secret("KEY")


def test_the_database_password_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("pass word\n")
    read = Environment(
        {"DATABASE_URL": "postgresql://clinic@db/clinic", "DATABASE_PASSWORD_FILE": str(secret)}
    ).database("DATABASE_URL")
    assert (read["PASSWORD"], read["HOST"], read["NAME"]) == ("pass word", "db", "clinic")


def test_libpq_options_of_the_address_reach_the_driver() -> None:
    read = Environment(PRODUCTION).database("DATABASE_URL")
    assert (read["PORT"], read["PASSWORD"]) == ("5433", "secret")
    assert read["OPTIONS"] == {"sslmode": "verify-full"}


@pytest.mark.parametrize(
    ("url", "tls", "ssl", "port"),
    [
        ("smtp://mail.example", False, False, 25),
        ("smtp+tls://mail.example", True, False, 587),
        ("smtps://mail.example", False, True, 465),
        ("smtp://mail.example:1025", False, False, 1025),
    ],
)
def test_a_mail_address_says_how_it_is_protected(url: str, tls: bool, ssl: bool, port: int) -> None:
    read = Environment({"EMAIL_URL": url}).email("EMAIL_URL")
    assert (read["EMAIL_USE_TLS"], read["EMAIL_USE_SSL"], read["EMAIL_PORT"]) == (tls, ssl, port)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# a comment\nPORT=1\nLOG_LEVEL='DEBUG'\n")
    assert from_dotenv(dotenv, {"PORT": "2"}) == {"PORT": "2", "LOG_LEVEL": "DEBUG"}


def test_every_variable_that_is_read_stands_in_the_example() -> None:
    import re

    text = (PROJECT / "clinic" / "settings.py").read_text()
    names = set(re.findall(r"_env\.\w+\(\s*\"([A-Z_]+)\"", text))
    listed = set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.M))
    assert names - listed == set()


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("GET /p/3f9c-secret/confirm", "GET /p/[masked]/confirm"),
        (
            "duplicate key\nDETAIL:  Key (email)=(a@b.example) already exists.",
            "duplicate key\nDETAIL: [masked]",
        ),
    ],
)
def test_a_log_line_names_no_patient_and_no_link(line: str, masked: str) -> None:
    assert mask(line).startswith(masked)
    assert "a@b.example" not in mask(line)


def test_the_log_keeps_the_traceback_that_follows_a_masked_detail() -> None:
    text = (
        "IntegrityError: duplicate key\nDETAIL:  Key (email)=(a@b.example) already exists.\n\n"
        "The above exception was the direct cause\nTraceback (most recent call last):\n  File x"
    )
    assert "Traceback" in mask(text)
    assert "a@b.example" not in mask(text)
