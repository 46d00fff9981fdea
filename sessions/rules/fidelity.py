"""Fidelity review: a clinic's own rating form read from its document, which sessions are drawn to be rated,
and what a rating comes to. Knows no published form: none is available."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from math import ceil, log
from typing import Any
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from protocols.rules.definition import SessionKind
from sessions.rules.statistics.agreement import Correlations, Weights, intraclass, weighted_kappa


class Risk(StrEnum):
    """Why a session is looked at more often than others."""

    DEVIATION = "deviation"
    IMPORTANT_DEVIATION = "important_deviation"
    ADVERSE_EVENT = "adverse_event"
    NEW_THERAPIST = "new_therapist"


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Item(_Read):
    """`anchors`: what each whole score means. `at_least`: the clinic's own pass mark for the item."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    words: str = Field(min_length=1, max_length=500)
    anchors: dict[int, str] = Field(min_length=2)
    at_least: int | None = None

    @model_validator(mode="after")
    def _whole(self) -> Item:
        scores = sorted(self.anchors)
        if scores != list(range(scores[0], scores[0] + len(scores))):
            raise ValueError("anchors are whole numbers without a gap")
        if self.at_least is not None and self.at_least not in self.anchors:
            raise ValueError("at_least is one of the anchors")
        return self


class Sampling(_Read):
    """`share` of the sessions in question, and at least so many of each therapist; a session weighs 1, and
    more for each risk."""

    share: Decimal = Field(gt=0, le=1)
    each_therapist: int = Field(default=0, ge=0, le=100)
    new_therapist_sessions: int = Field(default=0, ge=0, le=1000)
    weights: dict[Risk, Decimal] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _positive(self) -> Sampling:
        if any(weight < 0 for weight in self.weights.values()):
            raise ValueError("a risk never makes a session weigh less")
        return self


class Form(_Read):
    """`source` says whose figures these are; `mean_at_least` is the clinic's own pass mark for the mean."""

    form: str = Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)
    version: int = Field(ge=1)
    title: str = Field(min_length=1, max_length=200)
    session_kind: SessionKind
    source: str = Field(min_length=1, max_length=2000)
    items: tuple[Item, ...] = Field(min_length=1)
    mean_at_least: Decimal | None = None
    agreement: Weights = Weights.QUADRATIC
    sampling: Sampling

    @model_validator(mode="after")
    def _own_codes(self) -> Form:
        codes = [item.code for item in self.items]
        if len(codes) != len(set(codes)):
            raise ValueError("every item has a code of its own")
        return self


class NoForm(ValueError):
    """The document is no rating form; `problems` says where and why."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def read_form(text: str) -> Form:
    """Raises NoForm."""
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise NoForm([f"not YAML: {error}"]) from error
    return form_of(given)


def form_of(given: Any) -> Form:
    try:
        return Form.model_validate(given)
    except ValidationError as error:
        raise NoForm(
            [f"{'.'.join(map(str, one['loc'])) or 'the form'}: {one['msg']}" for one in error.errors()]
        ) from error


# --- which sessions are drawn -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A session that could be rated, its therapists, and what speaks for looking at it."""

    id: UUID
    therapists: frozenset[int]
    risks: frozenset[Risk]


def weight_of(candidate: Candidate, sampling: Sampling) -> Decimal:
    return Decimal(1) + sum((sampling.weights.get(risk, Decimal(0)) for risk in candidate.risks), Decimal(0))


def draw(candidates: Iterable[Candidate], *, sampling: Sampling, seed: str) -> tuple[Candidate, ...]:
    """Efraimidis and Spirakis (2006): each has the key u^(1/w), the largest are taken. u comes from the seed
    and the session's id alone, so that anybody can draw again from what is recorded; the order given in
    changes nothing."""
    ordered = sorted(candidates, key=lambda one: _key(seed, one.id, weight_of(one, sampling)), reverse=True)
    wanted = ceil(Fraction(sampling.share) * len(ordered))
    chosen = {one.id: one for one in ordered[:wanted]}
    for therapist in sorted({who for one in ordered for who in one.therapists}):
        theirs = [one for one in ordered if therapist in one.therapists]
        missing = sampling.each_therapist - sum(one.id in chosen for one in theirs)
        for one in [one for one in theirs if one.id not in chosen][: max(missing, 0)]:
            chosen[one.id] = one
    return tuple(one for one in ordered if one.id in chosen)


def _key(seed: str, id: UUID, weight: Decimal) -> tuple[float, str]:
    """The logarithm of u^(1/w): in the same order, and precise near one."""
    number = int.from_bytes(sha256(f"{seed}:{id}".encode()).digest())
    return (log((number + 1) / 2**256) / float(weight), str(id))


# --- what a rating comes to ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one rating, or of the mean of two. `passed` is None where the clinic set no pass mark."""

    mean: Decimal
    below: tuple[str, ...]  # the items below their own mark
    passed: bool | None


def problems_of(form: Form, scores: Mapping[str, int]) -> dict[str, str]:
    """What is wrong with a rating, by item; empty when it is whole."""
    known = {item.code: item for item in form.items}
    found = {code: "no such item" for code in scores if code not in known}
    for code, item in known.items():
        if code not in scores:
            found[code] = "not rated yet"
        elif scores[code] not in item.anchors:
            found[code] = "not one of the anchors"
    return found


def result_of(form: Form, ratings: Sequence[Mapping[str, int]]) -> Result:
    """Of one rating or more: each item is the mean of its scores."""
    means = {item.code: Decimal(sum(one[item.code] for one in ratings)) / len(ratings) for item in form.items}
    mean = sum(means.values(), Decimal(0)) / len(means)
    below = tuple(
        item.code for item in form.items if item.at_least is not None and means[item.code] < item.at_least
    )
    marked = form.mean_at_least is not None or any(item.at_least is not None for item in form.items)
    enough = form.mean_at_least is None or mean >= form.mean_at_least
    return Result(mean=mean, below=below, passed=enough and not below if marked else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One session rated twice: by whom, and the scores of each."""

    raters: tuple[int, int]
    scores: tuple[Mapping[str, int], Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """`kappas` by item, None where it says nothing. `icc` of the mean scores; `same_raters`: it is ICC(2,1),
    else ICC(1,1)."""

    sessions: int
    kappas: Mapping[str, float | None]
    icc: Correlations | None
    same_raters: bool


def agreement(form: Form, rated: Sequence[Rated]) -> Agreement:
    same = len({frozenset(one.raters) for one in rated}) == 1
    # With one pair throughout, each column is one rater, whoever rated first.
    turned = [
        tuple(
            score
            for _rater, score in sorted(zip(one.raters, one.scores, strict=True), key=lambda row: row[0])
        )
        for one in rated
    ]
    return Agreement(
        sessions=len(rated),
        kappas={
            item.code: weighted_kappa(
                [(first[item.code], second[item.code]) for first, second in turned], weights=form.agreement
            )
            for item in form.items
        },
        icc=intraclass([[sum(scores.values()) / len(scores) for scores in both] for both in turned]),
        same_raters=same,
    )
