"""Files of a run: JSONL that only grows, files that appear whole or not at all, and the lock that a run holds."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from tatar_rewards.predictions import parse_jsonl


def read_append_only_jsonl(path: Path) -> list[Any]:
    """Read a JSONL file to which a stage appends, as far as its lines are finished; exits where one is no JSON."""
    if not path.exists():
        return []
    content = path.read_bytes()
    try:
        return list(parse_jsonl(content[: _finished(content)], path).values())
    except ValueError as error:
        raise SystemExit(f"{error}; mend that line or take it out") from None


def open_append_only(path: Path) -> TextIO:
    """Open it to append lines, after cutting off a last line that a killed stage did not finish."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        content = path.read_bytes()
        complete = _finished(content)
        if complete != len(content):
            os.truncate(path, complete)  # never rewritten: a second kill would lose what was paid for
        file = path.open("a", encoding="utf-8")
        if complete and content[complete - 1 : complete] != b"\n":
            file.write("\n")
        return file
    return path.open("a", encoding="utf-8")


def _finished(content: bytes) -> int:
    """How many bytes hold whole lines. A last line that is JSON is whole without a line feed, as editors leave it."""
    complete = content.rfind(b"\n") + 1
    try:
        json.loads(content[complete:])
    except ValueError:
        return complete
    return len(content)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, whatever kills it; what cannot be encoded becomes a question mark."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(text.encode(errors="replace"))
    os.replace(unfinished, path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock beside a file or in a folder; exits where another process holds it. A killed one holds none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise SystemExit(
            f"another process is at work here and holds {path}; wait for it, or take another out="
        ) from None
