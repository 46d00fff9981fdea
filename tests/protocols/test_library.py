"""Every protocol of the library is taken up by a clinic: drafted, reviewed, its figures answered for,
published; and the next clinic starts from the same document with answers of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinic.errors import Incomplete
from protocols import queries
from protocols.models import FigureConfirmation, LegalBasis, VersionStatus
from protocols.operations import adopt_protocol, approve_version, publish_version, send_for_review
from tests.protocols.house import LIBRARY, NOW, House, draft, make_house, published

PROTOCOLS = sorted(LIBRARY.glob("*.yaml"))


@pytest.mark.parametrize("path", PROTOCOLS, ids=lambda path: path.stem)
def test_a_protocol_of_the_library_is_published_once_its_figures_are_answered_for(
    house: House, path: Path
) -> None:
    text = path.read_text(encoding="utf-8")
    version = draft(house, text)
    version = send_for_review(actor=house.author, version=version, now=NOW)
    version = approve_version(actor=house.approver, version=version, now=NOW)
    asked = queries.figures_to_answer(house.author, version)
    assert len({(one.path, one.text) for one in asked}) == len(asked), "each figure has a place of its own"
    if asked:
        with pytest.raises(Incomplete) as caught:
            publish_version(actor=house.approver, version=version, now=NOW)
        assert len(caught.value.data["figures"]) == len(asked)
    version = published(house, text)
    assert version.status == VersionStatus.PUBLISHED
    kinds = set(FigureConfirmation.objects.filter(version=version).values_list("kind", flat=True))
    assert kinds == {one.kind.value for one in asked}
    assert not LegalBasis.objects.exists(), "the library carries no clinic's legal basis"


def test_one_clinics_answers_are_not_anothers(mdma: str, db: None) -> None:
    first = make_house()
    published(first, mdma)
    other = make_house("egret")
    version = draft(other, mdma)
    assert len(queries.open_figures(version)) == len(queries.figures_to_answer(other.author, version))
    with pytest.raises(Incomplete):
        adopt_protocol(
            author=other.author,
            clinician=None,
            approver=other.approver,
            clinic=other.clinic,
            text=mdma,
            now=NOW,
        )
