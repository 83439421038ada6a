"""Rationales on disk: the checks before a judge, and the append-only file of what was written, judged and paid for."""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from recipe.config import RationaleSettings, Task
from recipe.files import open_append_only, read_append_only_jsonl
from recipe.labels import Picture, picture_key, read_labels
from recipe.prompts import ATTRIBUTES, answer_text
from recipe.secrets import endpoints_of
from tatar_rewards import parse_answer
from tatar_rewards.answers.words import count_words

Event = dict[str, Any]  # one line of the file: the picture's key, the step that was done, and its result
Notes = Mapping[str, Mapping[str, str]]  # critics' remarks, by image and attribute
UNGROUNDED = "the judge found it ungrounded"
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


class Rejected(NamedTuple):
    """A text that was not accepted, and why."""

    text: str
    problems: str


def read_events(path: Path) -> dict[str, list[Event]]:
    """The events of each picture, by its key, in order; a line {task, dataset, image, text} is a given rationale."""
    events: dict[str, list[Event]] = defaultdict(list)
    for number, row in enumerate(read_append_only_jsonl(path), start=1):
        event = row
        if isinstance(row, dict) and "key" not in row and row.keys() >= {"task", "dataset", "image", "text"}:
            key = picture_key(row["task"], row["dataset"], str(row["image"]))
            event = {"key": key, "step": "given", "text": row["text"] if isinstance(row["text"], str) else ""}
        if not isinstance(event, dict) or not {"key", "step"} <= event.keys():
            raise SystemExit(
                f"{path}, line {number} is no rationale: {str(row)[:80]}; write {{task, dataset, image, text}}"
            )
        events[event["key"]].append(event)
    return events


def accepted_text(events: Sequence[Event]) -> str | None:
    """The rationale that was given, or that the judge found grounded; None if there is none yet."""
    last: Event = events[-1] if events else {"step": "none"}
    if last["step"] == "given":
        return str(last["text"])
    return str(events[-2]["text"]) if last.get("grounded") and len(events) > 1 else None  # a verdict follows its text


def events_on(events: Sequence[Event], picture: Picture) -> list[Event]:
    """The events that are on the picture and its label as they are today: a text explains one picture and one MOS."""
    today = {"mos": round(picture.mos, 3), "digest": picture.digest}
    return [event for event in events if all(event.get(name) in (None, value) for name, value in today.items())]


class Ledger:
    """The append-only file of everything that was paid for, by picture."""

    def __init__(self, path: Path) -> None:
        self.path, self.events = path, read_events(path)
        self.before_first: Callable[[], None] = lambda: None  # called before this process appends its first event
        self._file: TextIO | None = None

    def append(self, picture: Picture, event: Event) -> None:
        if self._file is None:
            self.before_first()
            self._file = open_append_only(self.path)
        event = {"key": picture.key, "mos": round(picture.mos, 3), "digest": picture.digest, **event}
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.events[picture.key].append(event)

    def of(self, picture: Picture) -> list[Event]:
        return events_on(self.events.get(picture.key, []), picture)

    def state(self, picture: Picture, settings: RationaleSettings) -> State:
        """Whether the picture's rationale is accepted or given up, or else the step to do next."""
        events = self.of(picture)
        if accepted_text(events) is not None:
            return "accepted"
        if events and events[-1]["step"] == "refused":
            return "rejected"
        if events and events[-1]["step"] == "write" and not events[-1]["problems"]:
            return "judge"
        n_writes = sum(event["step"] == "write" for event in events)
        return "rejected" if n_writes >= settings.attempts else "write"

    def last_text(self, picture: Picture) -> str:
        return str(next(event["text"] for event in reversed(self.of(picture)) if event["step"] == "write"))

    def last_rejected(self, picture: Picture) -> Rejected | None:
        """The last text that was written, if there is one, and what stood against it."""
        events = self.of(picture)
        if not any(event["step"] == "write" for event in events):
            return None
        problems = events[-1].get("reason") or "; ".join(events[-1].get("problems", [])) or UNGROUNDED
        return Rejected(self.last_text(picture), problems)


def kind_of(problem: str) -> str:
    """The problem without its numbers and details: what several texts may have in common."""
    return re.sub(r"\(.*\)|\S*\d\S*", "N", problem)


def summarize(ledger: Ledger, pictures: Sequence[Picture], settings: RationaleSettings) -> str:
    """How many rationales are accepted, what they cost, and the most frequent problems."""
    states = Counter(ledger.state(picture, settings) for picture in pictures)
    lines = [f"{states['accepted']} of {len(pictures)} rationales accepted, {states['rejected']} given up"]
    tokens_by_role: dict[str, list[list[int]]] = defaultdict(list)
    problems: Counter[str] = Counter()
    for picture in pictures:
        for event in ledger.events.get(picture.key, []):
            if "tokens" in event:
                tokens_by_role["judge" if event["step"] == "judge" else picture.task].append(event["tokens"])
            problems.update(kind_of(problem) for problem in event.get("problems", []))
            problems[UNGROUNDED] += event.get("grounded") is False
            problems[f"the server refused it ({event.get('reason')})"] += event["step"] == "refused"
    for role, tokens in tokens_by_role.items():
        endpoint = endpoints_of(settings).get(role)
        tokens_in, tokens_out = map(sum, zip(*tokens, strict=True))
        cost = (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / 1e6 if endpoint else 0
        lines.append(f"{role}: {len(tokens)} answers, {tokens_in} tokens in, {tokens_out} out, cost {cost:.2f}")
    lines += [f"  {count} times: {problem}" for problem, count in problems.most_common(6) if count]
    return "\n".join(lines)


class Rationales:
    """The accepted rationales of a file.

    `build_rationales.py` and `tiny/pictures.py` write such files. One of your own has a line for each picture:
    {"task": "iqa", "dataset": "KonIQ-10k", "image": "1.jpg", "text": "..."}.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise SystemExit(f"{path} does not exist; run build_rationales.py with this config first")
        self.path, self.events = path, read_events(path)

    def of(self, picture: Picture) -> str | None:
        """The text on a picture and its label as they are today; None where there is none."""
        text = accepted_text(events_on(self.events.get(picture.key, []), picture))
        return None if text is None else self._check(picture.key, text)

    def texts(self) -> list[str]:
        """The last accepted text of each picture, whatever its label is today."""
        texts = ((key, accepted_text(events)) for key, events in self.events.items())
        return [self._check(key, text) for key, text in texts if text is not None]

    def _check(self, key: str, text: str) -> str:
        if not text.strip() or not parse_answer(answer_text(text, 50)).ok:
            raise SystemExit(f"{self.path}: the text of {key} cannot be taught: {text!r:.80}; write plain prose")
        return text


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
            notes[str(row["image"])][attribute] = str(row["text"])
    return notes
