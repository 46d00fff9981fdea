"""Work that waits for a person: the list by its clock, taking one, finishing it with what was done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text
from clinic.api.pages import Keyset
from clinic.api.problems import StrictSerializer
from clinic.permissions import Permission
from sessions.api.cursors import PageQuery
from sessions.api.door import Door, described
from sessions.models import StaffTask
from sessions.operations.assessing import Assessment
from sessions.operations.finishing import finish_task, take_task
from sessions.queries import tasks
from sessions.queries.courses import courses_for
from sessions.queries.today import task_row
from sessions.rules.facts import RiskFound


class TaskQuery(PageQuery):
    done = serializers.BooleanField(default=False, help_text="Those that are done, newest first.")


class FinishTaskInput(StrictSerializer):
    resolution = Text(allow_blank=True)
    assessed_by = Id(
        required=False,
        help_text="Of an answer that worries: who assessed the risk. `risk` and `agreed` go with it.",
    )
    risk = serializers.ChoiceField(choices=[one.value for one in RiskFound], required=False)
    agreed = Text(required=False, help_text="What was agreed with the patient.")


class TakeTaskInput(StrictSerializer):
    owner_seen = Text(
        required=False,
        allow_blank=True,
        help_text="The id of the owner you saw, empty for nobody: if somebody took the task since, 409.",
    )


class TaskOut(Serializer[Any]):
    id = Id(source="task_id")
    course_id = Id()
    patient = Text()
    kind = Text()
    safety = serializers.BooleanField()
    opened_at = Instant()
    act_by = Instant()
    overdue = serializers.BooleanField()
    owner = Text()
    owner_id = Id(allow_null=True)
    owner_for = Text(help_text="In whose stead the owner has it; empty when it is theirs.")
    cover = Text()
    unowned_since = Instant(
        allow_null=True,
        help_text="Since when nobody of the care team can take it: a coordinator has it, or nobody.",
    )
    mine = serializers.BooleanField()
    done_at = Instant(allow_null=True)


class TaskPageOut(Serializer[Any]):
    items = TaskOut(many=True)
    next = Text(allow_null=True)


class TaskDetailOut(Serializer[Any]):
    task = TaskOut(source="row")
    patient_name = Text()
    phone = Text()
    subject_key = Text()
    resolution = Text()
    done_by = Text()


class Tasks(Door):
    waiting: Keyset[StaffTask] = Keyset("act_by", "id")
    finished: Keyset[StaffTask] = Keyset("-done_at", "-id")

    @described("list_tasks", asks=TaskQuery, gives=TaskPageOut)
    def get(self, request: Request, slug: str) -> Response:
        done = self.asked(TaskQuery)["done"]
        rows = StaffTask.objects.filter(
            clinic_id=self.actor.clinic_id,
            done_at__isnull=not done,
            course__in=courses_for(self.actor, Permission.VIEW_TASKS),
        ).select_related("course__patient", "owner", "owner_for", "cover")
        pages = self.finished if done else self.waiting
        page = pages.page(request, rows, lambda row: task_row(row, actor=self.actor, now=self.actor.at))
        return self.gives(TaskPageOut, page)


class TaskDoor(Door):
    def task_now(self, task: UUID) -> Response:
        return self.gives(TaskDetailOut, tasks.task(self.actor, task, now=self.actor.at))


class Task(TaskDoor):
    @described("read_task", gives=TaskDetailOut)
    def get(self, request: Request, slug: str, task: UUID) -> Response:
        return self.task_now(task)


class TakeTask(TaskDoor):
    @described("take_task", takes=TakeTaskInput, gives=TaskDetailOut)
    def post(self, request: Request, slug: str, task: UUID) -> Response:
        sent = self.sent(TakeTaskInput)
        take_task(actor=self.actor, task_id=task, now=self.actor.at, **sent)
        return self.task_now(task)


class FinishTask(TaskDoor):
    @described("finish_task", takes=FinishTaskInput, gives=TaskDetailOut)
    def post(self, request: Request, slug: str, task: UUID) -> Response:
        sent = self.sent(FinishTaskInput)
        assessment = (
            Assessment(
                assessed_by=sent["assessed_by"],
                risk=RiskFound(sent["risk"]),
                agreed=sent.get("agreed", ""),
            )
            if "assessed_by" in sent and "risk" in sent
            else None
        )
        finish_task(
            actor=self.actor,
            task_id=task,
            resolution=sent["resolution"],
            assessment=assessment,
            now=self.actor.at,
        )
        return self.task_now(task)
