"""Reading protocols: definitions, versions, what a version still needs, and instruments."""

from __future__ import annotations

from protocols.queries.comparing import compare_versions
from protocols.queries.definitions import (
    definition_as_written,
    definition_in,
    definition_laid,
    definition_of,
    definitions_of,
    says_what_it_said,
)
from protocols.queries.figures import FigureToAnswer, figures_to_answer, open_figures
from protocols.queries.instruments import instrument_of, instruments
from protocols.queries.legal import legal_bases, legal_spans
from protocols.queries.library import LibraryProtocol, library_document, library_protocols
from protocols.queries.own_words import has_role, own_words_of, own_words_of_house
from protocols.queries.versions import (
    protocols,
    published_version,
    published_versions,
    reviews_of,
    version_for,
    versions_of,
)
from protocols.queries.wordings import (
    WordingState,
    forms_sent,
    forms_without_text,
    instrument_for,
    own_questions,
    wording_named,
    wording_state,
    wording_states,
)

__all__ = [
    "FigureToAnswer",
    "LibraryProtocol",
    "WordingState",
    "compare_versions",
    "definition_as_written",
    "definition_in",
    "definition_laid",
    "definition_of",
    "definitions_of",
    "figures_to_answer",
    "forms_sent",
    "forms_without_text",
    "has_role",
    "instrument_for",
    "instrument_of",
    "instruments",
    "legal_bases",
    "legal_spans",
    "library_document",
    "library_protocols",
    "open_figures",
    "own_questions",
    "own_words_of",
    "own_words_of_house",
    "protocols",
    "published_version",
    "published_versions",
    "reviews_of",
    "says_what_it_said",
    "version_for",
    "versions_of",
    "wording_named",
    "wording_state",
    "wording_states",
]
