"""A clinic over a month, from one seed: the loop down for hours, the plug pulled at any statement, providers
that lose answers. Longer ones: `python -m tests.simulation`, of which `make bench-full` has a
long one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.conf import settings

from clinic.models import Channel
from tests.simulation.checks import check_all
from tests.simulation.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


def test_over_a_month_of_faults_each_message_goes_once_at_its_hour_and_what_is_stored_stays_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("TEXT_URL", "http://127.0.0.1:9"), ("TEXT_ACCOUNT", "AC0"), ("TEXT_TOKEN", "t")):
        monkeypatch.setattr(settings, name, value)
    world = World(seed=11, clinics=1, days=30, courses=3)
    world.run(check=check_all)
    found = check_all(world)
    happened = world.told()
    assert sum(found.sent.values()) > 20, happened
    assert found.sent["visit_reminder by text"] > 0, happened
    assert world.pulled and world.loop_down and world.post.refused, happened

    # What is checked can fail, and then says how to see it again.
    texts = world.post.taken[Channel.TEXT]
    harms: list[tuple[Callable[[], object], str]] = [
        (lambda: texts.append(texts[0]), "went 2 times"),
        (lambda: texts.append(replace(texts[0], key="<nobody@knows>")), "which nobody knows"),
        (texts.clear, "lost:"),
    ]
    for harm, said in harms:
        before = list(texts)
        harm()
        with pytest.raises(AssertionError, match=said) as raised:
            check_all(world)
        assert "python -m tests.simulation --seed 11" in str(raised.value)
        texts[:] = before
