"""Celery tasks of the house: one line each over plain functions. No ETA, no result, no retry by Celery."""

from __future__ import annotations

import logging

from celery import shared_task

from clinic import clock, outbox, proofs

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def send_due_messages() -> None:
    outbox.send_due_messages(now=clock.now())


@shared_task(ignore_result=True)
def sweep() -> None:
    outbox.sweep(now=clock.now())


@shared_task(ignore_result=True)
def prove() -> None:
    for view, rows in proofs.broken().items():
        log.error("a promise is broken: %s shows %s rows", view, rows)
