"""What publishing asks for, and workflows that run only what they name."""

import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))
import release_checks  # noqa: E402

READ = ("src/tatar_rewards/__init__.py", "pyproject.toml", "CHANGELOG.md", "CITATION.cff")


def in_file(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def ready(tmp_path):
    """The files that are read, as they stand at a release."""
    for name in READ:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    in_file(tmp_path / "pyproject.toml", "[project.urls]\n", '[project.urls]\nRepository = "https://example.org/x"\n')
    in_file(tmp_path / "CHANGELOG.md", "## 0.1.0, unreleased", "## 0.1.0, 2026-12-01")
    return tmp_path


def test_a_repository_that_is_ready_lacks_nothing(ready):
    assert release_checks.missing("v0.1.0", ready) == []


def test_whatever_is_missing_is_said(ready):
    assert release_checks.missing("v0.2.0", ready) == ["the tag is v0.2.0, but __version__ is 0.1.0"]
    in_file(ready / "src/tatar_rewards/__init__.py", '"0.1.0"', '"0.2.0"')
    assert release_checks.missing("v0.2.0", ready) == [
        "CHANGELOG.md has no heading '## 0.2.0, YYYY-MM-DD'",
        "CITATION.cff does not say version: 0.2.0",
    ]
    in_file(ready / "pyproject.toml", "Repository", "Homepage")
    assert release_checks.missing("v0.2.0", ready)[0].startswith("pyproject.toml: project.urls has no Repository")


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_every_action_is_pinned_and_may_do_little(path):
    text = path.read_text()
    actions = re.findall(r"uses: (\S+)", text)
    assert actions
    assert all(re.fullmatch(r"[\w/.-]+@[0-9a-f]{40}", action) for action in actions)
    assert re.search(r"^permissions:\n  contents: read\n", text, re.MULTILINE)
