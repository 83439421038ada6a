"""Is the repository ready to be published under a tag? Says all that is missing, and ends with 1 if anything is.

python tools/release_checks.py v0.1.0
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def missing(tag: str, root: Path = ROOT) -> list[str]:
    """What keeps the tag from being published."""
    version = re.search(r'^__version__ = "(.+)"$', (root / "src/tatar_rewards/__init__.py").read_text(), re.MULTILINE)
    number = version[1] if version else "unknown"
    found = []
    if tag != f"v{number}":
        found.append(f"the tag is {tag}, but __version__ is {number}")
    if "Repository" not in tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]:
        found.append("pyproject.toml: project.urls has no Repository; fill in the address")
    if not re.search(
        rf"^## {re.escape(number)}, \d{{4}}-\d\d-\d\d$", (root / "CHANGELOG.md").read_text(), re.MULTILINE
    ):
        found.append(f"CHANGELOG.md has no heading '## {number}, YYYY-MM-DD'")
    if f"version: {number}" not in (root / "CITATION.cff").read_text().splitlines():
        found.append(f"CITATION.cff does not say version: {number}")
    return found


if __name__ == "__main__":
    found = missing(sys.argv[1])
    print("\n".join(found) or "ready")
    sys.exit(bool(found))
