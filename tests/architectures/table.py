"""What ran here, in a JSON file that `tools/real_architectures.py` prints: by architecture and stage.

A cell is "run" where the stage ran and its result was looked at, else the reason why it did not.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

CELLS = defaultdict(dict)


def ran(architecture, stage, result="run"):
    CELLS[architecture][stage] = result


def write():
    """Add what this session ran to the file, if one is wanted."""
    path = os.environ.get("TATAR_ARCHITECTURES_TABLE")
    if path is not None:
        before = json.loads(Path(path).read_text()) if Path(path).exists() else {}
        cells = {name: {**before.get(name, {}), **CELLS.get(name, {})} for name in {**before, **CELLS}}
        Path(path).write_text(json.dumps(cells, indent=2))
