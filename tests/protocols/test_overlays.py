"""What differs by place and day: laid over a version when it is published, and frozen with it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic.errors import BadInput, NotNow
from clinic.operations.clinics import change_clinic
from protocols.models import ProtocolVersion
from protocols.queries import definition_as_written, definition_in
from protocols.rules.definition import DoseRule, ProtocolDefinition
from protocols.rules.document import definition_to_document, parse
from tests.support.cast import START, Cast, allow, enrol, make_cast, publish
from tests.support.library import text_of

pytestmark = pytest.mark.django_db

TODAY = START.date()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def be_in(cast: Cast, *jurisdictions: str) -> None:
    cast.clinic = change_clinic(
        actor=cast.actor("finn"), settings={"jurisdictions": list(jurisdictions)}, reason="agreed", now=START
    )


def label(*, number: str = "1.0", from_on: date | None = None, until_on: date | None = None) -> str:
    """Esketamine's label, its European overlay in force on these days."""
    days = ", ".join(
        f"{name}: {day}" for name, day in (("from", from_on), ("until", until_on)) if day is not None
    )
    return (
        text_of("esketamine_trd")
        .replace("in_force: {}", f"in_force: {{{days}}}")
        .replace('version: "1.0"', f'version: "{number}"')
    )


def least(definition: ProtocolDefinition) -> Decimal:
    """The lowest dose that may be ordered."""
    (rule,) = (one for one in definition.rules if isinstance(one, DoseRule))
    return min(choice.value for row in rule.initial for choice in row.choices)


def in_europe(version: ProtocolVersion) -> bool:
    return least(definition_in(version)) == 28


def publish_label(cast: Cast, *, now: datetime = START, **given: object) -> ProtocolVersion:
    cast.version = publish(cast, label(**given), now=now)  # type: ignore[arg-type]
    allow(cast)
    return cast.version


def test_a_clinic_publishes_what_holds_where_it_is(cast: Cast) -> None:
    assert not in_europe(publish_label(cast))
    be_in(cast, "EU", "PT")
    assert in_europe(publish_label(cast, number="1.1"))


@pytest.mark.parametrize(
    ("from_on", "until_on", "laid"),
    [
        pytest.param(TODAY, None, True, id="begins today"),
        pytest.param(TODAY + timedelta(days=1), None, False, id="begins tomorrow"),
        pytest.param(None, TODAY, True, id="its last day"),
        pytest.param(None, TODAY - timedelta(days=1), False, id="ended yesterday"),
    ],
)
def test_the_day_of_publication_decides_which_overlay_holds(
    cast: Cast, from_on: date | None, until_on: date | None, laid: bool
) -> None:
    be_in(cast, "EU")
    assert in_europe(publish_label(cast, from_on=from_on, until_on=until_on)) is laid


def test_a_published_version_says_the_same_whatever_the_day_and_wherever_the_clinic_goes(cast: Cast) -> None:
    be_in(cast, "EU")
    version = publish_label(cast, until_on=TODAY + timedelta(days=10))
    course = enrol(cast)
    be_in(cast, "CH")
    assert in_europe(ProtocolVersion.objects.get(pk=version.pk))
    assert in_europe(ProtocolVersion.objects.get(pk=course.protocol_version_id))
    for column in ("jurisdictions = '{}'", "laid_on = '2020-01-01'"):
        with (
            pytest.raises(DatabaseError, match="frozen"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE protocols_protocolversion SET {column} WHERE id = %s", [version.pk])


def test_nobody_is_enrolled_once_another_overlay_holds_and_those_in_treatment_go_on(cast: Cast) -> None:
    be_in(cast, "EU")
    publish_label(cast, from_on=TODAY + timedelta(days=10))
    course = enrol(cast)
    enrol(cast, "P-002", now=START + timedelta(days=9))
    with pytest.raises(NotNow) as refused:
        enrol(cast, "P-003", now=START + timedelta(days=10))
    assert refused.value.code == "overlays-changed" and "new version number" in refused.value.advice
    course.refresh_from_db()
    assert course.status == "enrolled"
    publish_label(cast, number="1.1", from_on=TODAY + timedelta(days=10), now=START + timedelta(days=10))
    assert enrol(cast, "P-004", now=START + timedelta(days=10)).protocol_version_id != (
        course.protocol_version_id
    )


def test_nobody_is_enrolled_outside_the_days_on_which_the_text_applies(cast: Cast) -> None:
    text = text_of("oregon_psilocybin").replace("{from: 2025-01-01}", f"{{until: {TODAY}}}")
    cast.version = publish(cast, text)
    allow(cast)
    enrol(cast)
    with pytest.raises(NotNow) as refused:
        enrol(cast, "P-002", now=START + timedelta(days=1))
    assert refused.value.code == "text-not-in-force"


def test_overlays_that_hold_together_must_leave_a_whole_protocol(cast: Cast) -> None:
    be_in(cast, "US", "US-OR")
    one = (
        "overlays:\n"
        "  - jurisdiction: US\n    words: Country\n    in_force: {}\n    omits: [form.safety_plan]\n"
        "  - jurisdiction: US-OR\n    words: State\n    in_force: {}\n    rules:\n"
        "      - {type: form, code: form.more, stage: preparation, words: More, who: therapist, "
        "source: oar-5000, form: more, window: {anchor: {event: start, rule: administration, which: first}, "
        "closes: {value: 0 h, source: oar-5000}}}\n"
    )
    text = text_of("oregon_psilocybin") + "\n" + one
    laid = definition_in(publish(cast, text))
    codes = {rule.code for rule in laid.rules}
    assert "form.more" in codes and "form.safety_plan" not in codes
    assert parse(definition_to_document(laid)) == laid


def test_where_a_clinic_is_is_a_list_of_codes(cast: Cast) -> None:
    for wrong in (["EU", "EU"], [" "]):
        with pytest.raises(BadInput):
            change_clinic(
                actor=cast.actor("finn"), settings={"jurisdictions": wrong}, reason="agreed", now=START
            )


def test_the_versions_page_says_which_overlays_it_has_and_which_hold_now(cast: Cast) -> None:
    version = publish_label(cast)
    client = Client()
    client.force_login(cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend")
    address = reverse("protocols:protocol", args=(cast.clinic.slug, version.protocol.public_id))
    page = client.get(address).content.decode()
    assert "European label" in page and "not part of this version" in page and "holds here now" not in page
    be_in(cast, "EU")
    page = client.get(address).content.decode()
    assert "holds here now" in page and "Nobody is enrolled" in page
    assert definition_as_written(version).overlays
