"""Run by the Python of .venv-validators: `validate_exports.py FOLDER` checks `*.fhir.json` and `*.usdm.json`.

Prints one JSON object: for each file what is wrong with it, nothing if it is valid.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(folder: Path) -> dict[str, list[str]]:
    from fhir.resources.R4B.plandefinition import PlanDefinition
    from usdm4 import USDM4

    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.fhir.json")):
        try:
            PlanDefinition.parse_raw(path.read_bytes())
            found[path.name] = []
        except ValueError as error:
            found[path.name] = [str(error)]
    usdm = USDM4()
    for path in sorted(folder.glob("*.usdm.json")):
        rows = usdm.validate(str(path)).to_dict()
        checked = [row for row in rows if row["status"] != "Not Implemented"]
        found[path.name] = [
            f"{row['rule_id']} {row['status']} at {row['path']}: {row['message'] or row['exception']}"
            for row in checked
            if row["status"] in ("Failure", "Exception")
        ]
        if not checked:
            found[path.name].append("no rule was checked")
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
