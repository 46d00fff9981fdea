"""The fixtures themselves: what they start is real and is gone afterwards."""

from __future__ import annotations

import smtplib
import urllib.request

import pytest
from django.core.mail import send_mail
from django.db import connection
from playwright.sync_api import Page

from tests.support.processes import Processes
from tests.support.smtp import SmtpServer


@pytest.mark.django_db
def test_the_test_database_is_postgresql_16_or_newer() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        [version] = cursor.fetchone()
    assert int(version) >= 160000


def test_a_mail_reaches_the_mail_server(smtp_server: SmtpServer) -> None:
    send_mail("Hello", "A line.", "a@clinic.example", ["b@patients.example"])
    [mail] = smtp_server.wait_for(to="b@patients.example")
    assert mail.text.strip() == "A line."


def test_a_mail_server_that_drops_the_connection_has_kept_the_mail(smtp_server: SmtpServer) -> None:
    smtp_server.drop_after_accept = True
    with pytest.raises(smtplib.SMTPException):
        send_mail("Hello", "A line.", "a@clinic.example", ["b@patients.example"])
    assert len(smtp_server.received) == 1


def test_a_mail_server_that_refuses_keeps_nothing(smtp_server: SmtpServer) -> None:
    smtp_server.refuse = "451 Try later"
    with pytest.raises(smtplib.SMTPException):
        send_mail("Hello", "A line.", "a@clinic.example", ["b@patients.example"])
    assert smtp_server.received == []


def test_the_worker_takes_a_task_and_dies_when_killed(processes: Processes) -> None:
    worker = processes.worker()
    worker.kill()
    assert worker.process.poll() is not None


def test_the_site_is_served(live_site: str) -> None:
    with urllib.request.urlopen(f"{live_site}/health/ready", timeout=10) as answer:
        assert answer.status == 200


def test_the_browser_reaches_the_site(live_site: str, browser_page: Page) -> None:
    answer = browser_page.goto(f"{live_site}/health/live")
    assert answer is not None
    assert answer.json() == {"live": True}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
