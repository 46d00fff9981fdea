"""Habits of this project that no linter knows, each with the reason it is kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture import source

# A file of one of these names collects whatever has no place.
_NO_PLACE = {"utils", "helpers", "services", "common", "core", "base", "managers"}
# The doors may read the clock; what lies below is given `now`. clinic/actors.py turns a request into an
# actor.
_DOORS = (
    "/web/",
    "/api/",
    "/management/",
    "/admin.py",
    "/admin/",
    "/tasks.py",
    "/ticks.py",
    "clinic/clock.py",
    "clinic/actors.py",
    "clinic/local/",
)


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_door(path: str) -> bool:
    return any(door in path for door in _DOORS)


def test_no_module_is_named_after_nothing() -> None:
    assert [path for path, _ in source.trees() if _NO_PLACE & set(path.removesuffix(".py").split("/"))] == []


def test_only_django_owns_the_word_session() -> None:
    found = []
    for path, tree in source.trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == "Session":
                found.append(f"{path}:{node.lineno} class Session")
            if isinstance(node, ast.arg) and node.arg in {"session", "session_id"}:
                found.append(f"{path}:{node.lineno} argument {node.arg}")
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == "session":
                found.append(f"{path}:{node.lineno} variable session")
    assert found == []


_LEAVE = {
    "FactRecord",
    "NoteRecord",
    "SessionRecord",
    "DeviationRecord",
    "DeviationReport",
    "FidelityRating",
    "FidelityFeedback",
    "Course",
}
# Who reads also what was entered in error, and why: decision 0016.
_READS_EVERY = {
    "sessions/queries/watch.py": "of what was entered in error no message is counted",
    "sessions/queries/errors.py": "the audit",
    "sessions/queries/copies.py": "the certified copy",
    "sessions/queries/canonical.py": "what was signed is proved from all of it",
    "sessions/queries/notes.py": "what was signed is proved from all of it",
    "sessions/operations/signing.py": "a signature covers all up to its newest row",
    "sessions/queries/authors.py": "whose hand is in it",
    "sessions/queries/courses.py": "the audit and the certified copy find their course",
    "sessions/queries/own_words.py": "the audit speaks as its protocol does",
    "sessions/operations/locks.py": "a mark that is settled is answered as such",
    "sessions/operations/exporting.py": "the certified copy",
    "sessions/queries/fidelity.py": "shows who rated in error and rates anew",
    "sessions/queries/fidelity_raters.py": "who rated in error rates anew",
    "sessions/operations/fidelity.py": "an id was used before",
    "sessions/operations/answering.py": "an id was used before",
    "sessions/operations/deviations.py": "an id was used before",
    "sessions/operations/records.py": "an id was used before",
    "sessions/operations/choices.py": "an id was used before",
    "sessions/operations/notes.py": "an id was used before",
    "sessions/operations/entering.py": "an id was used before",
    "sessions/operations/starting.py": "an id was used before",
}


def test_only_the_audit_the_copy_signatures_hands_and_ids_read_what_was_entered_in_error() -> None:
    found = {
        path
        for path, tree in source.trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "every"
        and isinstance(node.value, ast.Name)
        and node.value.id in _LEAVE
    }
    assert found == set(_READS_EVERY)


def test_only_doors_read_the_clock() -> None:
    """Anything else could not be asked what will be, or what was."""
    clocks = {
        "now",
        "datetime.now",
        "timezone.now",
        "clock.now",
        "date.today",
        "datetime.utcnow",
        "time.time",
    }
    found = []
    for path, tree in source.trees():
        if is_door(path):
            continue
        found += [f"{path}:{call.lineno} {called}()" for called, call in calls(tree) if called in clocks]
    assert found == []


def test_no_task_is_given_a_time() -> None:
    """A worker takes tasks with an ETA into its memory and loses them with it."""
    found = []
    for path, tree in source.trees():
        for called, call in calls(tree):
            if {"eta", "countdown"} & {word.arg for word in call.keywords}:
                found.append(f"{path}:{call.lineno} {called}")
    assert found == []


def test_nothing_listens_to_model_signals() -> None:
    """Bulk writes pass them by; what must always happen is in the operation, or in the database."""
    found = []
    for path, tree in source.trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("signals"):
                found.append(f"{path}:{node.lineno} {node.module}")
    assert found == []


def test_no_view_is_made_by_a_generic_viewset() -> None:
    """It would write with the ORM, past the operation, its permission check and its event."""
    found = []
    for path, tree in source.trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                found += [f"{path}:{node.lineno} {base}" for base in bases if base.endswith("ViewSet")]
    assert found == []


def test_operations_take_keywords_only() -> None:
    """`give_dose(actor=…, amount=…)` cannot be called with two of them exchanged."""
    found = []
    for path in source.python_files(below="operations"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if "actor" in {each.arg for each in node.args.args}:
                found.append(f"{source.name(path)}:{node.lineno} {node.name}")
    assert found == []


def test_every_module_says_what_it_knows() -> None:
    missing = []
    for path, tree in source.trees():
        if not path.endswith("__init__.py") and tree.body and ast.get_docstring(tree) is None:
            missing.append(path)
    assert missing == []


def test_no_page_needs_what_the_content_security_policy_forbids() -> None:
    found = []
    for path, text in source.templates():
        found += [f"{path}: {hit}" for hit in re.findall(r"\sstyle=[\"'][^\"']*", text)]
        found += [f"{path}: {hit}" for hit in re.findall(r"\son[a-z]+=[\"'][^\"']*", text)]
        found += [f"{path}: {hit}" for hit in re.findall(r"<style[^>]*>", text)]
        found += [
            f"{path}: {hit}"
            for hit in re.findall(r"<script(?![^>]*(?:src=|nonce=|application/json))[^>]*>", text)
        ]
        found += [
            f"{path}: {hit}"
            for hit in re.findall(r"(?:src=|<link[^>]*href=)[\"'](?:https?:)?//[^\"']*", text)
        ]
    assert found == []
