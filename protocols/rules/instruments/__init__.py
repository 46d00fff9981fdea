"""Instruments: questionnaires and ratings as versioned data, and what their answers come to.

`definition` has the shapes, `document` reads them from YAML, `scoring` adds up, `wording` puts a clinic's
licensed text in.
"""

from protocols.rules.instruments.definition import (
    Act,
    AnswerIs,
    Better,
    Change,
    ChangeKind,
    Citation,
    CountIs,
    Criterion,
    Finding,
    FindingIs,
    Instrument,
    Item,
    Licence,
    Method,
    Mode,
    Number,
    Option,
    Recall,
    Scale,
    ScaleIs,
    Worry,
)
from protocols.rules.instruments.document import parse_instrument
from protocols.rules.instruments.scoring import ChangeSeen, Score, asked, changes_between, next_item, score
from protocols.rules.instruments.wording import ItemWording, Wording, parse_wording, with_text

__all__ = [
    "Act",
    "AnswerIs",
    "Better",
    "Change",
    "ChangeKind",
    "ChangeSeen",
    "Citation",
    "CountIs",
    "Criterion",
    "Finding",
    "FindingIs",
    "Instrument",
    "Item",
    "ItemWording",
    "Licence",
    "Method",
    "Mode",
    "Number",
    "Option",
    "Recall",
    "Scale",
    "ScaleIs",
    "Score",
    "Wording",
    "Worry",
    "asked",
    "changes_between",
    "next_item",
    "parse_instrument",
    "parse_wording",
    "score",
    "with_text",
]
