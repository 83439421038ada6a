"""The recipe on the real architectures, without their weights: `tests/architectures` in an environment of its own.

    python tools/real_architectures.py [ARGUMENTS OF PYTEST]

Makes `.venv-architectures` (minutes and 6 GB the first time) with torchvision, which the real processors need, the
torch that belongs to it and DeepSpeed; everything else is as in constraints.txt. Prints what ran, by architecture and
stage.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv-architectures"
OWN = ("torch==2.14.1", "torchvision==0.29.1", "deepspeed==0.19.8")


def set_up() -> Path:
    """An environment with torchvision."""
    python, ready = FOLDER / "bin" / "python", FOLDER / "ready"
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    rest = "\n".join(line for line in constraints if not line.startswith("torch=="))
    wanted = "\n".join([*OWN, rest, (ROOT / "pyproject.toml").read_text()])
    if not ready.exists() or ready.read_text() != wanted:
        venv.create(FOLDER, with_pip=True, clear=True)
        (FOLDER / "constraints.txt").write_text(rest)
        install = [python, "-m", "pip", "install", "--quiet", "--constraint", FOLDER / "constraints.txt"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1"], check=True)
        subprocess.run([*install, *OWN[:2]], check=True)
        group = f"{ROOT / 'pyproject.toml'}:dev"
        subprocess.run([*install, *OWN, "--group", group, "--editable", f"{ROOT}[recipe]"], check=True)
        ready.write_text(wanted)
    return python


def print_table(cells: dict[str, dict[str, str]]) -> None:
    """A line an architecture and stage."""
    for architecture, stages in cells.items():
        print(f"\n{architecture}")
        for stage, result in stages.items():
            print(f"  {stage:<34}{result}")


def main() -> None:
    python, results = set_up(), FOLDER / "table.json"
    if len(sys.argv) == 1:
        results.unlink(missing_ok=True)  # a whole run begins anew, a part of one adds to it
    environment = os.environ | {"TATAR_ARCHITECTURES_TABLE": str(results), "OMP_NUM_THREADS": "1"}
    command = [python, "-m", "pytest", "-q", "-rs", "tests/architectures", *sys.argv[1:]]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if results.exists():
        print_table(json.loads(results.read_text()))
    sys.exit(code)


if __name__ == "__main__":
    main()
