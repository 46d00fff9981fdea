"""Ten thousand damaged documents, read and linted one after the other under a limit of memory.

Run as a process of its own (`python -m tests.protocols.malformed DOCUMENTS MEGABYTES`), so that the limit
holds for nothing else. Each document must give errors with their places or be well-formed; a traceback, or
more time or memory than allowed, ends the run. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from protocols.rules.document import DocumentErrors
from protocols.rules.lint import lint
from protocols.rules.yaml_text import MAX_BYTES, decoded
from tests.protocols.rules.test_lint_effort import HEAD, consents

LIBRARY = Path(__file__).parents[2] / "protocols" / "library"
SECONDS = 2.0
T = TypeVar("T")


class Draw(Protocol):
    def __call__(self, strategy: st.SearchStrategy[T], /) -> T: ...


Spot = tuple[Any, Any]  # a mapping or list of a document, and the name or number of one entry


# --- documents to damage: each published protocol with a few of its rules, whole and valid ------------------


def small_documents() -> list[Any]:
    found = []
    for path in sorted(LIBRARY.glob("*.yaml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
        if "rules" not in document:
            continue
        rules = {rule["code"]: rule for rule in document["rules"]}
        for start in list(rules)[::3]:
            keep = [start]
            for code in keep:
                keep += [word for word in words_in(rules[code]) if word in rules and word not in keep]
            gone = rules.keys() - set(keep)
            small = {
                name: [entry for entry in part if not gone & set(words_in(entry))]
                if isinstance(part, list) and name not in ("rules", "stages")
                else part
                for name, part in document.items()
            }
            small["rules"] = [rule for rule in document["rules"] if rule["code"] in keep]
            found.append({name: part for name, part in small.items() if part != []})
    return found


def words_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from (str(name), *words_in(value))
    elif isinstance(part, list):
        for value in part:
            yield from words_in(value)
    else:
        yield str(part)


def spots_in(whole: Any) -> list[Spot]:
    found: list[Spot] = []
    parts = [whole]
    for part in parts:
        entries = list(part.items() if isinstance(part, dict) else enumerate(part))
        found += [(part, name) for name, _value in entries]
        parts += [value for _name, value in entries if isinstance(value, dict | list)]
    return found


def written(document: Any) -> str:
    """Part by part: damage leaves most of them as they were, and those were written before."""
    return "".join(piece for name, value in document.items() for piece in _pieces(name, value))


def _pieces(name: str, value: Any) -> Iterator[str]:
    # A rule that stands there twice is written as an alias.
    if name == "rules" and isinstance(value, list) and 0 < len(value) == len({id(rule) for rule in value}):
        yield f"{name}:\n"
        yield from (_written(pickle.dumps([rule])) for rule in value)
    else:
        yield _written(pickle.dumps({name: value}))


@lru_cache(maxsize=4096)
def _written(part: bytes) -> str:
    return yaml.dump(pickle.loads(part), Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)


def one_of(draw: Draw, entries: Sequence[T]) -> T:
    """By its number: Hypothesis would first weigh each of thousands."""
    return entries[draw(st.integers(0, len(entries) - 1))]


# --- what can be wrong with one -----------------------------------------------------------------------------

STRANGE = st.sampled_from(
    [
        *("", " ", "~", "no", "yes", "0", "-1", "1e999", "nan", "inf", "-0.0", "1_000", "0x10", "9" * 400),
        *("99999999 d", "-99999999 wk", "1 d 25:00", "d", "80", "80 mg/", "mg 80", "80 MG", "08:00", "24:00"),
        *("2026-02-30", "0000-00-00", "9999-12-31", "code", "a.b.c", "A", "a" * 3000, "é", "\u202e", "‘x’"),
        *("{}", "[]", "!!python/object:os.system", "&a", "*a", "<<", "%s", "{0}", "$(x)", "' OR 1=1", "<b>"),
    ]
) | st.text(max_size=12)
STRUCTURE = st.recursive(
    STRANGE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRANGE, inner, max_size=3),
    max_leaves=6,
)


def another_value(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, spots)
    part[name] = draw(STRANGE)


def another_structure(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, spots)
    part[name] = draw(STRUCTURE)


def missing(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, spots)
    del part[name]


def misspelt(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, [spot for spot in spots if isinstance(spot[0], dict)])
    part[name + draw(st.sampled_from(["s", "_", " ", "X", "\u00e9"]))] = part.pop(name)


def unknown_field(draw: Draw, spots: list[Spot]) -> None:
    part, _name = one_of(draw, [spot for spot in spots if isinstance(spot[0], dict)])
    part[draw(STRANGE)] = draw(STRUCTURE)


def swapped(draw: Draw, spots: list[Spot]) -> None:
    (one, here), (other, there) = one_of(draw, spots), one_of(draw, spots)
    # Copies: one may hold the other, and no document holds itself.
    one[here], other[there] = deepcopy(other[there]), deepcopy(one[here])


def doubled(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, [spot for spot in spots if isinstance(spot[0], list)])
    part.insert(name, part[name])


def nested(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, spots)
    for _ in range(draw(st.integers(1, 30))):
        part[name] = [part[name]] if draw(st.booleans()) else {"value": part[name]}


def other_reference(draw: Draw, spots: list[Spot]) -> None:
    """A word of the document where another stood: references that go in circles, or to the wrong kind."""
    words = [spot for spot in spots if isinstance(spot[0][spot[1]], str)]
    (part, name), (other, there) = one_of(draw, words), one_of(draw, words)
    part[name] = other[there]


def very_many(draw: Draw, spots: list[Spot]) -> None:
    part, name = one_of(draw, [spot for spot in spots if isinstance(spot[0], list)])
    part += [part[name]] * draw(st.integers(10, 200))


IN_THE_DOCUMENT = [
    *(another_value, another_structure, missing, misspelt, unknown_field, swapped, doubled, nested),
    *(other_reference, very_many),
]


def cut(draw: Draw, text: str) -> str:
    return text[: draw(st.integers(0, len(text)))]


def indented(draw: Draw, text: str) -> str:
    lines = text.splitlines()
    place = draw(st.integers(0, len(lines) - 1))
    lines[place] = draw(st.sampled_from([" ", "  ", "\t", "- ", "? ", ": "])) + lines[place]
    return "\n".join(lines)


def inserted(draw: Draw, text: str) -> str:
    place = draw(st.integers(0, len(text)))
    return (
        text[:place]
        + draw(st.text(max_size=8) | st.sampled_from(list("{}[]&*!|>%@`'\":#-,\x00\x85\ufeff")))
        + text[place:]
    )


def shuffled(draw: Draw, text: str) -> str:
    lines = text.splitlines()
    one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    return "\n".join(lines)


def aliased(draw: Draw, text: str) -> str:
    depth, width = draw(st.integers(1, 12)), draw(st.integers(2, 9))
    bomb = ["a0: &a0 [x, x]"]
    bomb += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, depth)]
    return "\n".join([*bomb, text] if draw(st.booleans()) else [text, *bomb])


def deep(draw: Draw, text: str) -> str:
    opening = draw(st.sampled_from(["[", "{a: ", "- ", "? ", "{{", "!!seq [", "&a [", "'", "|\n "]))
    return opening * draw(st.integers(1, 3_000)) + draw(st.sampled_from(["", text[:200]]))


def other_layout(draw: Draw, text: str) -> str:
    end = draw(st.sampled_from(["\r\n", "\r", "\u2028", "\n\n", "\n---\n", "\n...\n", "\n# x\n"]))
    return text.replace("\n", end, draw(st.sampled_from([1, 3, -1])))


def noise(draw: Draw, text: str) -> str:
    return draw(st.text(max_size=300))


IN_THE_TEXT = [cut, indented, inserted, shuffled, aliased, deep, other_layout, noise]


def encoded(draw: Draw, text: str) -> bytes:
    name = draw(st.sampled_from(["utf-16", "utf-32", "latin-1", "cp1252", "utf-7", "utf-8-sig", "cp500"]))
    return text.encode(name, errors="replace")


def flipped(draw: Draw, text: str) -> bytes:
    content = bytearray(text.encode("utf-8", errors="surrogatepass"))
    for _ in range(draw(st.integers(1, 5))):
        if content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


def huge(draw: Draw, text: str) -> bytes:
    unit = draw(st.sampled_from(["# x\n", "- {}\n", "f: 1\n", "[", "\x00", "é", text or "x"]))
    size = draw(st.sampled_from([MAX_BYTES // 4, MAX_BYTES + 1, 4 * MAX_BYTES]))
    content = unit.encode("utf-8", errors="surrogatepass")
    return content * (size // len(content) + 1)


IN_THE_BYTES = [encoded, flipped]


# --- reading them -------------------------------------------------------------------------------------------


def answer_to(content: bytes) -> str:
    """What became of it: refused by the reader, senseless to lint, or well-formed. Every finding names its
    place, what is wrong and a way out."""
    try:
        report = lint(decoded(content))
    except DocumentErrors as problem:
        assert problem.errors
        assert all(error.line >= 1 and error.what and error.instead for error in problem.errors)
        return "refused"
    for finding in report.findings:
        assert finding.line >= 1 and finding.column >= 1 and finding.what and finding.instead, finding
    if report.definition is None:
        assert report.errors, "neither errors nor a definition"
        return "refused"
    return "senseless" if report.errors else "well-formed"


@settings(max_examples=1, database=None, phases=[Phase.generate])
@given(st.text(), STRUCTURE)
def draw_one_text(text: str, structure: Any) -> None:
    """Nothing but the drawing."""


def run(documents: int, megabytes: int) -> dict[str, Any]:
    # Readable ones only, so that damage meets lint too and not the reader alone.
    whole = [
        pickle.dumps(document)
        for document in small_documents()
        if lint(written(document)).definition is not None
    ]
    assert len(whole) > 40, len(whole)
    used: Counter[str] = Counter()
    outcome: Counter[str] = Counter()
    slowest = [0.0, ""]

    # What the run itself needs stands aside; all that reading a document takes lies under the limit.
    # Hypothesis builds its table of characters at the first text it draws, in more memory than that.
    draw_one_text()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    @settings(
        max_examples=documents,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def every_one_is_answered(data: st.DataObject) -> None:
        draw: Draw = data.draw
        kinds = []
        document = pickle.loads(one_of(draw, whole))
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
            spots = spots_in(document)
            kinds.append(draw(st.sampled_from(IN_THE_DOCUMENT)))
            kinds[-1](draw, spots)
        text = written(document)
        if not kinds or draw(st.integers(0, 4)) == 0:
            kinds.append(draw(st.sampled_from(IN_THE_TEXT)))
            text = kinds[-1](draw, text)
        content = text.encode("utf-8", errors="surrogatepass")
        if draw(st.integers(0, 9)) == 0:
            kinds.append(draw(st.sampled_from(IN_THE_BYTES)))
            content = kinds[-1](draw, text)
        elif draw(st.integers(0, 99)) == 0:
            kinds.append(huge)
            content = huge(draw, text)
        label = " + ".join(kind.__name__ for kind in kinds)
        began = time.process_time()
        became = answer_to(content)
        took = time.process_time() - began
        assert took < SECONDS, f"{label}: {took:.1f} s for {len(content)} bytes: {content[:200]!r}"
        slowest[:] = max(slowest, [took, label])
        used.update(kind.__name__ for kind in kinds)
        outcome[became] += 1

    every_one_is_answered()
    try:
        bytearray(2 * megabytes * 2**20)
    except MemoryError:
        return {"used": used, "outcome": outcome, "slowest": slowest, "whole": len(whole)}
    raise AssertionError("the limit of memory was none")


# --- the worst of each kind, one at a time, with what it took -----------------------------------------------


def worst_documents() -> Mapping[str, bytes]:
    """The documents that are made to take time and memory, each as large as its kind can be."""
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghijk")
    )
    listed = ", ".join(f"m{number}: {{value: 1 d, source: p}}" for number in range(3_000))
    washout = (
        "  - {type: washout, code: w, stage: o, words: W, who: therapist, source: p, "
        f"washouts: {{{listed}}}}}\n"
    )
    valid = (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8")
    return {
        "yaml bomb": laughs.encode(),
        "aliases of itself": b"format: &f {x: *f}\n",
        "ten thousand aliases": b"a: &a {b: c}\nc: [" + b"*a, " * 10_000 + b"]\n",
        "merged keys": b"a: &a {b: c}\n" + b"d: {<<: *a}\n" * 10_000,
        "deep lists": b"[" * 100_000,
        "deep mappings": b"".join(b" " * number + b"a:\n" for number in range(600)),
        "fifty megabytes": b"# x\n" * 12_500_000,
        "one long line": b"a" * (MAX_BYTES - 1),
        "as many nodes as are read": b"- 1\n" * (MAX_BYTES // 4),
        "a valid one fifty times": valid.encode() * 50,
        "no text at all": bytes(range(256)) * 2_000,
        "utf-16": valid.encode("utf-16"),
        "readable: as many rules as are read": (HEAD + consents(1_400)).encode(),
        "readable: a washout of thousands": (HEAD + consents(1) + washout).encode(),
    }


def measured(content: bytes) -> tuple[str, float, float]:
    """What became of it, and the seconds and megabytes that it took more than nothing, in a child of its own:
    the peak of a process never falls again."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        before, began = _peak(), time.process_time()
        became = answer_to(content)
        told = [became, time.process_time() - began, (_peak() - before) / 1024]
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        became, seconds, megabytes = json.loads(answers.read())
    os.waitpid(child, 0)
    return became, seconds, megabytes


def _peak() -> int:
    """Kilobytes, at the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    if sys.argv[1:] == ["worst"]:
        print(json.dumps({name: measured(content) for name, content in worst_documents().items()}))
    else:
        print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
