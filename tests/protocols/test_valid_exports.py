"""Every export of every protocol in the library, checked by the standards' own models and rules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.rules.exporting.fhir import plan_definition
from protocols.rules.exporting.usdm import usdm_study
from tests.support.library import CODES, protocol

_ROOT = Path(__file__).parents[2]
_PYTHON = _ROOT / ".venv-validators" / "bin" / "python"


def _validate(folder: Path) -> dict[str, list[str]]:
    script = _ROOT / "tests" / "support" / "validate_exports.py"
    run = subprocess.run(
        [str(_PYTHON), str(script), str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, list[str]] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module", autouse=True)
def validators() -> None:
    if sys.version_info >= (3, 13):
        pytest.skip(
            "usdm4 pins a pydantic that has no build for this Python; 3.11 and 3.12 check the exports"
        )
    assert _PYTHON.exists(), "Make the validators' environment: make .venv-validators/.done"


def test_every_library_protocol_exports_to_valid_fhir_and_usdm(tmp_path: Path) -> None:
    for code in CODES:
        (tmp_path / f"{code}.fhir.json").write_text(json.dumps(plan_definition(protocol(code))))
        (tmp_path / f"{code}.usdm.json").write_text(json.dumps(usdm_study(protocol(code))))
    found = _validate(tmp_path)
    assert len(found) == 2 * len(CODES)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_validators_do_find_what_is_wrong(tmp_path: Path) -> None:
    plan = plan_definition(protocol("lsd_gad"))
    plan["status"] = 7
    plan["action"][1]["relatedAction"][0]["relationship"] = None
    study = usdm_study(protocol("lsd_gad"))
    design = study["study"]["versions"][0]["studyDesigns"][0]
    design["encounters"][0]["type"]["decode"] = "No such kind of visit"
    (tmp_path / "broken.fhir.json").write_text(json.dumps(plan))
    (tmp_path / "broken.usdm.json").write_text(json.dumps(study))
    found = _validate(tmp_path)
    assert found["broken.fhir.json"]
    assert any(wrong.startswith("DDF") for wrong in found["broken.usdm.json"])
