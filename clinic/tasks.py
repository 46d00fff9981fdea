"""Celery tasks of the house: one line each over plain functions. No ETA, no result, no retry by Celery."""

from __future__ import annotations

import logging

from celery import shared_task

from clinic import clock, outbox, proofs
from clinic.operations.clock import take_turn

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def send_due_messages() -> None:
    turn = take_turn(beside=clock.beside())
    outbox.send_due_messages(now=turn.now, held=turn.held, own=turn.own)


@shared_task(ignore_result=True)
def sweep() -> None:
    turn = take_turn(beside=clock.beside())
    outbox.sweep(now=turn.now, held=turn.held)


@shared_task(ignore_result=True)
def prove() -> None:
    for view, rows in proofs.prove(now=clock.now()).items():
        log.error("a promise is broken: %s shows %s rows", view, rows)
