"""Celery tasks of the house: one line each over plain functions. No ETA, no result, no retry by Celery."""

from __future__ import annotations

from celery import shared_task

from clinic import clock, outbox


@shared_task(ignore_result=True)
def send_due_messages() -> None:
    outbox.send_due_messages(now=clock.now())


@shared_task(ignore_result=True)
def sweep() -> None:
    outbox.sweep(now=clock.now())
