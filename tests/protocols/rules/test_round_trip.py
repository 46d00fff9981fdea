"""What a definition says, its document says, and the other way round."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from protocols.rules import definition
from protocols.rules.document import definition_to_document, digest_of, parse
from protocols.rules.grammar import Shape
from protocols.rules.schema import all_shapes
from protocols.rules.shapes.protocol import PROTOCOL
from tests.protocols.rules.generated import definitions
from tests.support.laws import examples

SHAPES = all_shapes(PROTOCOL)


@settings(
    max_examples=examples(30),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking a whole protocol takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(definitions())
def test_any_definition_written_down_reads_back_the_same(said: definition.ProtocolDefinition) -> None:
    again = parse(definition_to_document(said))
    assert again == said
    assert digest_of(again) == digest_of(said)


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_every_field_of_the_definition_is_spelled_in_the_table(shape: Shape) -> None:
    if shape.makes is definition.Source:
        return
    spelled = [field.attribute for field in shape.fields]
    expected = {each.name for each in fields(shape.makes)}
    if shape.name == "plain window":
        expected -= {"instead"}
    assert len(spelled) == len(set(spelled))
    assert set(spelled) == expected


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_what_a_left_out_field_means_is_what_the_definition_says(shape: Shape) -> None:
    defaults: dict[str, Any] = {
        each.name: each.default
        for each in fields(shape.makes)
        if type(each.default).__name__ != "_MISSING_TYPE"
    }
    for field in shape.fields:
        if field.attribute in defaults and field.name != "override":
            assert field.fallback == defaults[field.attribute], field.name
