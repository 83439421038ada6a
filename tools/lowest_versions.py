"""Whether the package works with the lowest versions that it declares: the quick tests in an environment of those.

    python tools/lowest_versions.py

Makes `.venv-lowest` (a minute the first time) with the core dependencies and those of the group `tables` at their lower
bounds, and what runs the tests as in constraints.txt. Tests that need torch, TRL or another extra are skipped.
"""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv-lowest"
TEST_TOOLS = ("pytest", "hypothesis", "array-api-strict", "pandas")


def lowest_versions() -> list[str]:
    """The lower bounds of pyproject.toml, as pins."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*settings["project"]["dependencies"], *settings["dependency-groups"]["tables"]]
    unbounded = [requirement for requirement in declared if ">=" not in requirement]
    if unbounded:
        sys.exit(f"pyproject.toml declares no lower bound for {', '.join(unbounded)}")
    return [requirement.replace(">=", "==") for requirement in declared]


def set_up(pins: list[str]) -> Path:
    """An environment with those versions and no other dependency of the package."""
    python, ready = FOLDER / "bin" / "python", FOLDER / "ready"
    if not ready.exists() or ready.read_text() != "\n".join(pins):
        venv.create(FOLDER, with_pip=True, clear=True)
        free = {"pydantic_core", "pandas", *(pin.split("==")[0] for pin in pins)}  # the first two follow the pins
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        constraints = FOLDER / "constraints.txt"
        constraints.write_text("\n".join(line for line in lines if line.split("==")[0] not in free))
        install = [python, "-m", "pip", "install", "--quiet", "--constraint", constraints]
        subprocess.run([*install, *pins, *TEST_TOOLS], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", ROOT], check=True)
        ready.write_text("\n".join(pins))
    return python


def main() -> None:
    pins = lowest_versions()
    python = set_up(pins)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    print("lowest versions:", *pins, flush=True)
    tests = subprocess.run(
        [python, "-m", "pytest", "-q", "-m", "quick", "-p", "no:cacheprovider"], cwd=ROOT, check=False
    )
    sys.exit(tests.returncode)


if __name__ == "__main__":
    main()
