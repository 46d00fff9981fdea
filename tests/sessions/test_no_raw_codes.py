"""What staff read on their pages is words: never a code as the database keeps it, but where a protocol's own
is meant to be shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from clinic.models import Credential
from protocols.queries import definition_of
from sessions.models import StaffTask
from sessions.models.tasks import TaskKind
from sessions.queries.followed import FOLLOWING
from sessions.queries.slots import MOVED_BY_PATIENT
from sessions.queries.vocabulary import RESOLUTION_WORDS, TASK_WORDS
from tests.architecture.source import PROJECT
from tests.support.cast import Cast
from tests.support.clinic_day import ClinicDay, addresses, make_day, supervised

pytestmark = pytest.mark.django_db
CODE = re.compile(r"(?<![\w./@-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w/@-])")
KEPT = "data|document|evidence|text|value|content|stages|reviewed_kinds"
MEANT = (  # a document, a protocol's own code, and in the admin what is kept word for word
    r"<(script|style|template|code|pre|textarea)\b.*?</\1>",
    r'<(span|b) class="code.*?</\1>',
    rf'<div class="form-row field-(?:{KEPT})".*?(?=<div class="form-row|</fieldset>)',
)


def read_on(page: str) -> str:
    """What somebody looking at it reads, without what is meant as a code."""
    for meant in MEANT:
        page = re.sub(meant, " ", page, flags=re.S)
    return unescape(re.sub(r"<[^>]+>", " ", page))


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def assert_words(
    cast: Cast, pages: Mapping[str, Mapping[str, str]], *, besides: Collection[str] = ()
) -> None:
    """Every page opens, and no code stands there to read."""
    found = {}
    for who, theirs in pages.items():
        client = signed_in(cast, who)
        for name, address in theirs.items():
            answer = client.get(address)
            assert answer.status_code == 200, (who, name, answer.status_code)
            if codes := set(CODE.findall(read_on(answer.content.decode()))) - set(besides):
                found[f"{who}: {name}"] = sorted(codes)
    assert not found, "\n".join(f"{name}: {codes}" for name, codes in found.items())


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


def page_of(day: ClinicDay, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(day.cast.clinic.slug, *args))


def test_the_reading_sees_a_code_and_not_what_is_meant_as_one() -> None:
    page = '<p title="a_b">entered_in_error <code>mdma_ptsd</code> ada_x@example.org</p><pre>c_d</pre>'
    assert CODE.findall(read_on(page)) == ["entered_in_error"]


def test_no_page_of_the_staff_shows_a_code(day: ClinicDay) -> None:
    pages = {"ada": addresses(day), **supervised(day), "eve": {}}
    for name in ("oversight", "today", "team", "fidelity", "note_templates", "outcomes", "review_queue"):
        pages["carla"][name] = page_of(day, name)
    for name in ("tasks", "calls", "reminders", "enrol"):
        pages["eve"][name] = page_of(day, name)
    pages["eve"]["name_rater"] = page_of(day, "name_rater", day.late.public_id)
    assert_words(day.cast, pages)


def test_no_task_shows_a_code_whatever_its_kind_and_however_it_was_closed(day: ClinicDay) -> None:
    assert {kind.value for kind in TaskKind} == TASK_WORDS.keys()
    asked = {kind.value: "" for kind in TaskKind if kind not in FOLLOWING}
    closed = dict.fromkeys(RESOLUTION_WORDS, TaskKind.NO_ANSWER.value)
    supervised(day)  # what follows from a deviation rests on one
    pages = {"tasks": page_of(day, "tasks"), "done": page_of(day, "tasks") + "?show=done"}
    for task in StaffTask.objects.filter(kind__in=FOLLOWING):
        pages[task.kind] = page_of(day, "task", task.public_id)
    for kind, resolution in [*asked.items(), *((kind, how) for how, kind in closed.items())]:
        task = StaffTask.objects.create(
            clinic=day.cast.clinic,
            course=day.late,
            kind=kind,
            subject=str(uuid4()),
            owner=day.cast.people["ada"],
            opened_at=day.now,
            act_by=day.now + timedelta(hours=1),
            done_at=day.now if resolution else None,
            resolution=resolution,
        )
        pages[f"{kind} {resolution}"] = page_of(day, "task", task.public_id)
    assert_words(day.cast, {"carla": pages})


def test_whatever_closes_a_task_without_a_persons_words_has_words() -> None:
    found = {MOVED_BY_PATIENT}
    for path in (PROJECT / "sessions" / "operations").glob("*.py"):
        found |= set(re.findall(r'\b(?:resolution|how)="(\w+)"', path.read_text(encoding="utf-8")))
    assert "entered_in_error" in found and found == RESOLUTION_WORDS.keys()


def test_no_admin_page_nor_the_event_log_shows_a_code_but_a_protocols_own(day: ClinicDay) -> None:
    supervised(day)
    pages: dict[str, dict[str, str]] = {"finn": {}, "carla": {}}
    for who, theirs in pages.items():
        client = signed_in(day.cast, who)
        for model in admin.site._registry:
            at = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            if client.get(reverse(f"{at}_changelist")).status_code != 200:
                continue
            theirs[f"{model.__name__} list"] = reverse(f"{at}_changelist")
            for row in model._default_manager.order_by("pk")[:1]:
                one = reverse(f"{at}_change", args=(row.pk,))
                if client.get(one).status_code == 200:
                    theirs[f"{model.__name__} one"] = one
    assert {"Event list", "Event one", "Message list"} <= pages["finn"].keys()
    assert {"StaffTask list", "DeviationRecord one", "FactRecord list"} <= pages["carla"].keys()
    definition = definition_of(day.late.protocol_version_id)
    own = {part for rule in definition.rules for part in rule.code.split(".")}
    own |= {definition.code, *Credential.objects.values_list("code", flat=True)}
    assert_words(day.cast, pages, besides={*own, "birth_date"})  # written as such in its field
