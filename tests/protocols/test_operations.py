"""Drafting and publishing, and what the database refuses whoever asks."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.models import Event
from clinic.permissions import Role
from protocols import queries
from protocols.models import ProtocolVersion, VersionStatus
from protocols.operations import load_protocol, publish_version, retire_version
from tests.protocols.house import NOW, House, make_actor, make_clinic


def draft(house: House, text: str) -> ProtocolVersion:
    return load_protocol(actor=house.author, clinic=house.clinic, text=text, now=NOW)


def published(house: House, text: str) -> ProtocolVersion:
    return publish_version(actor=house.approver, version=draft(house, text), now=NOW)


def test_a_document_becomes_a_draft_and_then_the_published_version(house: House, mdma: str) -> None:
    version = published(house, mdma)
    assert version.status == VersionStatus.PUBLISHED
    assert queries.published_version(clinic_id=house.clinic.pk, code="mdma_ptsd") == version
    assert queries.definition_of(version.pk).code == "mdma_ptsd"
    assert list(Event.objects.order_by("pk").values_list("verb", flat=True)) == [
        "protocol_drafted",
        "protocol_published",
    ]


def test_a_second_draft_takes_the_place_of_the_first(house: House, mdma: str) -> None:
    first = draft(house, mdma)
    second = draft(house, mdma.replace('version: "1.0"', 'version: "1.1"'))
    assert second.pk == first.pk
    assert ProtocolVersion.objects.get().version == "1.1"


def test_the_author_cannot_approve(house: House, mdma: str) -> None:
    version = draft(house, mdma)
    with pytest.raises(Forbidden):
        publish_version(actor=house.author, version=version, now=NOW)
    version.refresh_from_db()
    assert version.status == VersionStatus.DRAFT


def test_a_therapist_may_neither_draft_nor_publish(house: House, mdma: str) -> None:
    with pytest.raises(Forbidden):
        load_protocol(actor=house.therapist, clinic=house.clinic, text=mdma, now=NOW)
    with pytest.raises(Forbidden):
        publish_version(actor=house.therapist, version=draft(house, mdma), now=NOW)


def test_another_clinics_protocol_is_not_there(house: House, mdma: str) -> None:
    version = published(house, mdma)
    stranger = make_actor(make_clinic("egret"), "dora", Role.SUPERVISOR)
    with pytest.raises(NotFound):
        retire_version(actor=stranger, version=version, now=NOW)
    with pytest.raises(NotFound):
        queries.version_for(stranger, protocol_public_id=version.protocol.public_id)


def test_a_wrong_document_changes_nothing_and_names_its_lines(house: House, mdma: str) -> None:
    with pytest.raises(BadInput) as caught:
        draft(house, mdma.replace("type: dose", "type: doze"))
    assert "rules[" in caught.value.fields["document"][0]
    assert not ProtocolVersion.objects.exists()


def test_publishing_a_new_version_retires_the_one_before(house: House, mdma: str) -> None:
    first = published(house, mdma)
    second = published(house, mdma.replace('version: "1.0"', 'version: "2.0"'))
    first.refresh_from_db()
    assert (first.status, second.status) == (VersionStatus.RETIRED, VersionStatus.PUBLISHED)
    assert queries.definition_of(first.pk).version == "1.0"


def test_loading_again_what_is_published_changes_nothing(house: House, mdma: str) -> None:
    version = published(house, mdma)
    assert draft(house, mdma) == version
    with pytest.raises(NotNow):
        draft(house, mdma.replace("value: 180 mg", "value: 181 mg"))
    assert ProtocolVersion.objects.count() == 1


def test_a_published_version_is_published_once(house: House, mdma: str) -> None:
    version = published(house, mdma)
    with pytest.raises(NotNow):
        publish_version(actor=house.approver, version=version, now=NOW)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE protocols_protocolversion SET document = 'other'",
        "UPDATE protocols_protocolversion SET status = 'draft', approved_by_id = null, published_at = null",
        "UPDATE protocols_protocolversion SET status = 'retired', retired_at = now(), digest = 'x'",
        "DELETE FROM protocols_protocolversion",
    ],
)
def test_a_published_version_is_frozen_in_sql(house: House, mdma: str, sql: str) -> None:
    version = published(house, mdma)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert ProtocolVersion.objects.filter(pk=version.pk, digest=version.digest, document=mdma).exists()


def test_a_retired_version_never_comes_back(house: House, mdma: str) -> None:
    version = retire_version(actor=house.approver, version=published(house, mdma), now=NOW)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(status="published", retired_at=None)


def test_the_database_holds_one_draft_and_no_self_approval(house: House, mdma: str) -> None:
    version = draft(house, mdma)
    with pytest.raises(IntegrityError, match="one_draft_per_protocol"), transaction.atomic():
        ProtocolVersion.objects.create(
            clinic=house.clinic,
            protocol=version.protocol,
            version="9",
            document="",
            digest="",
            author_id=version.author_id,
            drafted_at=NOW,
        )
    with pytest.raises(IntegrityError, match="nobody_approves_their_own_version"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            status="published", approved_by=version.author_id, published_at=NOW
        )


def test_many_definitions_cost_two_queries_at_most(
    house: House, mdma: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ids = [published(house, mdma.replace('"1.0"', f'"{number}"')).pk for number in range(1, 6)]
    with django_assert_max_num_queries(2):
        found = queries.definitions_of(ids)
    assert [found[pk].version for pk in ids] == ["1", "2", "3", "4", "5"]
