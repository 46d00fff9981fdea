"""The image and the compose file, as far as they can be proven without a container engine: the compose file
keeps to its published schema, gives away no password, and each service's command starts and works when run
by hand."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.source import PROJECT
from tests.support.processes import Processes, Started, wait_until_served


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (PROJECT / "Dockerfile").read_text(encoding="utf-8")


def test_the_compose_file_keeps_to_the_published_schema() -> None:
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            "docker-compose.yml",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_service_is_given_a_password_in_the_clear(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"
            assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), f"{name}: {variable} holds a password"


def test_every_service_that_runs_on_has_a_health_check(compose: dict[str, Any], dockerfile: str) -> None:
    for name, service in compose["services"].items():
        if service.get("restart") == "no":
            continue
        of_the_image = "build" in service and "HEALTHCHECK" in dockerfile
        assert "healthcheck" in service or of_the_image, name


def test_the_image_does_not_run_as_root(dockerfile: str) -> None:
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)", last_stage, re.M)[-1:] == ["clinic"]


@pytest.fixture
def by_hand(processes: Processes, compose: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """The environment of compose, with addresses of this test's own servers: production mode, secrets from
    files."""
    secrets = {
        "SECRET_KEY": "for-one-test-run-only-" + "z" * 50,
        "DATABASE_URL": processes.env["DATABASE_URL"],
        "REDIS_URL": processes.env["REDIS_URL"],
        "EMAIL_URL": "smtp://127.0.0.1:9",
    }
    environment: dict[str, str] = dict.fromkeys(secrets, "")
    for name, value in secrets.items():
        path = tmp_path / name.lower()
        path.write_text(value)
        environment[f"{name}_FILE"] = str(path)
    environment |= {
        "CLINIC_MODE": "production",
        "SITE_URL": "https://alder.example",
        "MAIL_FROM": "post@alder.example",
        "ALLOWED_HOSTS": "",
        "TRUST_FORWARDED_PROTO": "yes",
        "TRUSTED_PROXIES": "1",
        "SECOND_FACTOR": "required",
        "STATIC_ROOT": str(tmp_path / "static"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    compose_names = set(compose["services"]["web"]["environment"])
    ours = {name.removesuffix("_FILE") for name in environment}
    assert {name.removesuffix("_FILE") for name in compose_names} - ours <= {"DATABASE_PASSWORD"}
    return environment


def image_command(dockerfile: str, word: str) -> list[str]:
    found = re.findall(rf"^\s*{word} (\[.*\])$", dockerfile, re.M)[-1]
    loaded = json.loads(found)
    assert isinstance(loaded, list)
    return [str(each) for each in loaded]


def run(processes: Processes, command: list[str], env: dict[str, str], *, name: str) -> Started:
    return processes.start(*command, name=name, env=env)


def test_the_migrate_command_brings_the_database_up_to_date(
    processes: Processes, compose: dict[str, Any], by_hand: dict[str, str]
) -> None:
    migrate = run(processes, compose["services"]["migrate"]["command"], by_hand, name="migrate")
    assert migrate.wait(seconds=120) == 0, migrate.last_lines


def test_the_web_command_serves_and_the_image_finds_it_healthy(
    processes: Processes, dockerfile: str, by_hand: dict[str, str]
) -> None:
    port = processes.env["PORT"]
    env = {**by_hand, "GRANIAN_PORT": port}
    collected = run(
        processes, ["python", "manage.py", "collectstatic", "--no-input"], env, name="collectstatic"
    )
    assert collected.wait() == 0, collected.last_lines
    command = image_command(dockerfile, "CMD")
    command[command.index("--port") + 1] = port
    web = run(processes, command, env, name="web")
    wait_until_served(f"http://127.0.0.1:{port}/health/live", by=web)
    probe = run(processes, ["python", "-m", "clinic.web.probe"], env, name="probe")
    assert probe.wait() == 0, probe.last_lines

    # Through a proxy that ends TLS, as in production.
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/accounts/login/",
        headers={"Host": "alder.example", "X-Forwarded-Proto": "https"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
        assert "max-age" in answer.headers["Strict-Transport-Security"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    web.process.send_signal(signal.SIGTERM)
    web.wait(seconds=30)


def test_the_worker_and_beat_commands_tick(
    processes: Processes, compose: dict[str, Any], by_hand: dict[str, str], tmp_path: Path
) -> None:
    import redis

    services = compose["services"]
    beat_command = [
        each.replace("/tmp/schedule", str(tmp_path / "beat")) for each in services["beat"]["command"]
    ]
    beat = run(processes, beat_command, by_hand, name="beat")
    client = redis.Redis.from_url(processes.env["REDIS_URL"])
    from tests.support.smtp import wait_until

    wait_until(lambda: client.llen("clinic") > 0, what="beat's first tick")
    worker = run(processes, services["worker"]["command"], by_hand, name="worker")
    worker.wait_for_output(" ready.", seconds=60)
    wait_until(lambda: client.llen("clinic") == 0, what="the worker's taking of it")
    client.close()
    for healthcheck in (services["worker"]["healthcheck"], services["beat"]["healthcheck"]):
        checked = run(processes, healthcheck["test"][1:], by_hand, name="healthcheck")
        assert checked.wait() == 0, checked.last_lines
    for each in (beat, worker):
        each.process.send_signal(signal.SIGTERM)
        each.wait(seconds=45)
