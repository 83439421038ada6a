"""Rationales on disk: the checks before a judge, and the append-only file of what was written, judged and paid for."""

import json
import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from recipe.config import Endpoint, RationaleSettings, Task
from recipe.pictures import Picture, read_labels
from recipe.prompts import ATTRIBUTES
from recipe.stages import read_append_only_jsonl
from tatar_rewards.answers.words import count_words

Event = dict[str, Any]  # one line of the file: the picture's key, the step that was done, and its result
Notes = Mapping[str, Mapping[str, str]]  # critics' remarks, by image and attribute
State = Literal["accepted", "rejected", "write", "judge"]

MENTIONS_SCORE = re.compile(
    r"\b(?:out of (?:ten|a hundred|five)|percent|score[sd]?|rat(?:ed|ing)|MOS)\b", re.IGNORECASE
)


def find_problems(text: str, task: Task, settings: RationaleSettings) -> list[str]:
    """The faults of a rationale that can be found without a judge."""
    low, high = settings.iqa_words if task == "iqa" else settings.iaa_words
    n_words, lower = count_words(text), text.lower()
    problems = []
    if not low <= n_words <= high:
        problems.append(f"it has {n_words} words, not {low} to {high}")
    if re.search(r"[<>]|^#|^\s*[-*] ", text, re.MULTILINE):
        problems.append("it has tags or lists")
    if re.search(r"\d", text) or MENTIONS_SCORE.search(text):
        problems.append("it names a number or the score")
    if task == "iqa" and (n := len(re.findall(r"[.!?](?=\s|$)", text.strip()))) != 2:
        problems.append(f"it has {n} sentences, not two")
    if task == "iaa":
        touched = [name for name, stems in ATTRIBUTES.items() if any(stem in lower for stem in stems)]
        if len(touched) < 5:
            problems.append(f"it touches only {len(touched)} attributes ({', '.join(touched) or 'none'}), not five")
    return problems


def read_events(path: Path) -> dict[str, list[Event]]:
    """The events of each picture, by its key, in order."""
    events: dict[str, list[Event]] = defaultdict(list)
    for event in read_append_only_jsonl(path):
        events[event["key"]].append(event)
    return events


def accepted_text(events: list[Event]) -> str | None:
    """The rationale that was given, or that the judge found grounded; None if there is none yet."""
    last: Event = events[-1] if events else {"step": "none"}
    if last["step"] == "given":
        return str(last["text"])
    return str(events[-2]["text"]) if last.get("grounded") else None  # the event before a verdict holds the text


class Ledger:
    """The append-only file of everything that was paid for, by picture; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.events = read_events(path)
        self._file, self._lock = path.open("a"), threading.Lock()

    def append(self, event: Event) -> None:
        with self._lock:
            self.events[event["key"]].append(event)
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def state(self, key: str, settings: RationaleSettings) -> State:
        """Whether the picture's rationale is accepted or rejected, or else the step to do next."""
        events = self.events[key]
        if accepted_text(events) is not None:
            return "accepted"
        if events and events[-1]["step"] == "write" and not events[-1]["problems"]:
            return "judge"
        n_writes = sum(event["step"] == "write" for event in events)
        return "rejected" if n_writes >= settings.attempts else "write"


def summarize(ledger: Ledger, pictures: Sequence[Picture], settings: RationaleSettings) -> str:
    """How many rationales are accepted, what they cost, and the most frequent problems."""
    states = Counter(ledger.state(picture.key, settings) for picture in pictures)
    lines = [f"{states['accepted']} of {len(pictures)} rationales accepted, {states['rejected']} given up"]
    tokens_by_role: dict[str, list[list[int]]] = defaultdict(list)
    problems: Counter[str] = Counter()
    for picture in pictures:
        for event in ledger.events.get(picture.key, []):
            if "tokens" in event:
                tokens_by_role["judge" if event["step"] == "judge" else picture.task].append(event["tokens"])
            problems.update(re.sub(r"\d+|\(.*\)", "N", problem) for problem in event.get("problems", []))
            problems["the judge found it ungrounded"] += event.get("grounded") is False
    for role, tokens in tokens_by_role.items():
        endpoint: Endpoint | None = getattr(settings, role)
        tokens_in, tokens_out = map(sum, zip(*tokens, strict=True))
        cost = (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / 1e6 if endpoint else 0
        lines.append(f"{role}: {len(tokens)} answers, {tokens_in} tokens in, {tokens_out} out, cost {cost:.2f}")
    lines += [f"  {count} times: {problem}" for problem, count in problems.most_common(6) if count]
    return "\n".join(lines)


def read_rationales(path: Path) -> dict[str, str]:
    """The accepted rationales of a file that `build_rationales.py` or `tiny/pictures.py` wrote, by picture key."""
    if not path.exists():
        raise SystemExit(f"{path} does not exist; run build_rationales.py with this config first")
    texts = {key: accepted_text(events) for key, events in read_events(path).items()}
    return {key: text for key, text in texts.items() if text is not None}


def read_notes(folder: Path | None) -> Notes:
    """Notes by image and attribute, from one file an attribute (composition.json, visual_elements.jsonl, ...)."""
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
