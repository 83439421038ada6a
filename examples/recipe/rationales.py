"""Rationales on disk: the append-only file of what was written, judged and paid for, and checks before a judge."""

import json
import os
import re
import threading
from collections import defaultdict
from pathlib import Path

from recipe.config import RationaleSettings
from recipe.pictures import read_labels
from recipe.prompts import ATTRIBUTES
from recipe.stages import read_grown

NUMBER_WORDS = re.compile(r"\b(?:out of (?:ten|a hundred|five)|percent|score[sd]?|rat(?:ed|ing)|MOS)\b", re.IGNORECASE)


def problems_of(text: str, task: str, settings: RationaleSettings) -> list[str]:
    """What is wrong with a rationale that no judge is needed to see."""
    low, high = settings.iqa_words if task == "iqa" else settings.iaa_words
    n_words, lower = len(text.split()), text.lower()
    problems = []
    if not low <= n_words <= high:
        problems.append(f"it has {n_words} words, not {low} to {high}")
    if re.search(r"[<>]|^#|^\s*[-*] ", text, re.MULTILINE):
        problems.append("it has tags or lists")
    if re.search(r"\d", text) or NUMBER_WORDS.search(text):
        problems.append("it names a number or the score")
    if task == "iqa" and (n := len(re.findall(r"[.!?](?=\s|$)", text.strip()))) != 2:
        problems.append(f"it has {n} sentences, not two")
    if task == "iaa":
        touched = [name for name, stems in ATTRIBUTES.items() if any(stem in lower for stem in stems)]
        if len(touched) < 5:
            problems.append(f"it touches only {len(touched)} attributes ({', '.join(touched) or 'none'}), not five")
    return problems


def read_events(path: Path) -> dict[str, list[dict]]:
    """All that happened to each picture, in order."""
    events: dict[str, list[dict]] = defaultdict(list)
    for event in read_grown(path):
        events[event["key"]].append(event)
    return events


def accepted_text(events: list[dict]) -> str | None:
    """The rationale that was given, or found grounded; None where there is none (yet)."""
    last = events[-1] if events else {"step": "none"}
    if last["step"] == "given":
        return last["text"]
    return events[-2]["text"] if last.get("grounded") else None  # a judge speaks of the text before


class Ledger:
    """The append-only file of everything that was paid for, by picture."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.events = read_events(path)
        self._file, self._lock = path.open("a"), threading.Lock()

    def append(self, event: dict) -> None:
        with self._lock:
            self.events[event["key"]].append(event)
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def state(self, key: str, settings: RationaleSettings) -> str:
        """accepted, rejected, or what is to be done next: write or judge."""
        events = self.events[key]
        if accepted_text(events) is not None:
            return "accepted"
        if events and events[-1]["step"] == "write" and not events[-1]["problems"]:
            return "judge"
        n_writes = sum(event["step"] == "write" for event in events)
        return "rejected" if n_writes >= settings.attempts else "write"


def read_rationales(path: Path) -> dict[str, str]:
    """The accepted rationales of a file that `build_rationales.py` or `tiny_data.py` wrote, by the picture's key."""
    if not path.exists():
        raise SystemExit(f"{path} does not exist; run build_rationales.py with this config first")
    texts = {key: accepted_text(events) for key, events in read_events(path).items()}
    return {key: text for key, text in texts.items() if text is not None}


def read_notes(folder: Path | None) -> dict[str, dict[str, str]]:
    """Notes by picture and attribute, from one file an attribute (composition.json, visual_elements.jsonl, ...)."""
    notes: dict[str, dict[str, str]] = defaultdict(dict)
    for path in sorted(folder.iterdir()) if folder else []:
        attribute = path.stem.lower().replace("_", " ")
        if attribute not in ATTRIBUTES:
            raise SystemExit(f"{path}: notes are on {', '.join(ATTRIBUTES)}; name the file after one of them")
        for number, row in enumerate(read_labels(path)):
            if not row.get("image") or not row.get("text"):
                raise SystemExit(f"{path}, row {number}: needs image and text; got {sorted(row)}")
            notes[row["image"]][attribute] = row["text"]
    return notes
