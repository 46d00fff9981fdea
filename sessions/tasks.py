"""Celery tasks of the sessions house: one line each over plain functions. No ETA, no result, no retry by
Celery."""

from __future__ import annotations

from celery import shared_task

from clinic import clock
from clinic.operations.clock import take_turn
from sessions.operations import care_concerns, escalating, refresh


@shared_task(ignore_result=True)
def refresh_due_courses() -> None:
    refresh.refresh_due_courses(now=take_turn(beside=clock.beside()).own)


@shared_task(ignore_result=True)
def escalate_due_tasks() -> None:
    turn = take_turn(beside=clock.beside())
    escalating.escalate_due_tasks(now=turn.now, own=turn.own)


@shared_task(ignore_result=True)
def keep_concerns_heard() -> None:
    care_concerns.keep_concerns_heard(now=take_turn(beside=clock.beside()).own)
