"""The fixtures themselves: what they start is real and is gone afterwards."""

from __future__ import annotations

import re
import smtplib
import threading
import urllib.request

import pytest
from django.core.mail import send_mail
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.management.sql import sql_flush
from django.db import connection, transaction
from django.db.utils import OperationalError
from playwright.sync_api import Page

from tests.support.processes import Processes
from tests.support.smtp import SmtpServer, wait_until


@pytest.mark.django_db
def test_the_test_database_is_postgresql_16_or_newer() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        [version] = cursor.fetchone()
    assert int(version) >= 160000


@pytest.mark.django_db(transaction=True)
def test_tables_are_emptied_though_a_request_has_the_last_and_asks_for_the_first() -> None:
    [truncate] = sql_flush(no_style(), connection, allow_cascade=False)
    first, *_, last = re.findall(r'"(\w+)"', truncate)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [emptying] = cursor.fetchone()
    has_the_last = threading.Event()

    def waits() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", [emptying])
            return cursor.fetchone() is not None

    def request() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f'SELECT count(*) FROM "{last}"')
                has_the_last.set()
                wait_until(waits)
                cursor.execute(f'SELECT count(*) FROM "{first}"')
        except OperationalError:
            pass  # on a machine so slow that it asked too late, the request is the one that is ended
        finally:
            connection.close()

    thread = threading.Thread(target=request)
    thread.start()
    assert has_the_last.wait(10)
    call_command("flush", interactive=False, verbosity=0)
    thread.join(10)
    assert not thread.is_alive()


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
