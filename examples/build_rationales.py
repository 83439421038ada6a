# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Stage 0: larger models write and judge rationales, through any server that speaks the OpenAI chat API.

    python examples/build_rationales.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml --dry-run
    python examples/build_rationales.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml

Quality: a vision model sees the picture and its MOS and writes two technical sentences. Aesthetics: a language model
reads the critics' notes on eight attributes, or a vision model sees the picture, and writes a narrative. A text that
fails the local checks is written again. A text that passes them goes to a judge, who rejects what is not grounded.

The script appends every answer that was paid for to a file at once. A run that was killed continues where it was and
pays for nothing twice.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam
from tqdm import tqdm

from recipe.chat import ChatClients, picture_block
from recipe.config import RationaleSettings
from recipe.pictures import Picture, load_pictures
from recipe.prompts import JUDGE, REWRITE, WRITE_IAA_NOTES, WRITE_IAA_PICTURE, WRITE_IQA, Verdict
from recipe.rationales import Ledger, Notes, State, find_problems, read_notes, summarize
from recipe.stages import parse_command_line

####################
# Pictures
####################


def drop_without_notes(pictures: list[Picture], notes: Notes) -> list[Picture]:
    kept = [p for p in pictures if p.task == "iqa" or len(notes.get(p.image_id, {})) >= 5]
    if len(kept) < len(pictures):
        n_dropped = len(pictures) - len(kept)
        print(f"{n_dropped} aesthetics pictures have notes on fewer than five attributes and are left out")
    return kept


####################
# Requests
####################


def notes_text(picture: Picture, notes: Notes) -> str:
    """The critics' notes on an aesthetics picture; empty for a quality picture, or if the recipe has no notes."""
    if picture.task == "iqa" or not notes:
        return ""
    return "\n".join(f"{attribute}: {note}" for attribute, note in notes[picture.image_id].items())


def writing_request(picture: Picture, notes: str, settings: RationaleSettings) -> str:
    low, high = settings.iqa_words if picture.task == "iqa" else settings.iaa_words
    template = WRITE_IQA if picture.task == "iqa" else WRITE_IAA_NOTES if notes else WRITE_IAA_PICTURE
    return template.format(mos=picture.mos, low=low, high=high, notes=notes)


def judging_request(picture: Picture, notes: str, text: str) -> str:
    source = f"these notes:\n\n{notes}\n\n" if notes else "the picture"
    return JUDGE.format(mos=picture.mos, source=source, text=text)


def message_content(request: str, picture: Picture, notes: str) -> list[ChatCompletionContentPartParam]:
    """The request, and the picture unless the notes take its place."""
    text: ChatCompletionContentPartParam = {"type": "text", "text": request}
    return [text] if notes else [text, picture_block(picture.path)]


def print_requests(unsettled: Sequence[Picture], n_pictures: int, notes: Notes, settings: RationaleSettings) -> None:
    counts = dict(Counter(p.task for p in unsettled))
    print(f"{len(unsettled)} of {n_pictures} pictures would be asked about: {counts}")
    for task in sorted(counts):
        first = next(p for p in unsettled if p.task == task)
        request = writing_request(first, notes_text(first, notes), settings)
        print(f"\n{task}, to {getattr(settings, task).model}, on {first.key}:\n{request}")


####################
# Writing and judging
####################


class Writer:
    """Has the rationale of one picture after the other written and judged; safe to use from several threads."""

    def __init__(self, settings: RationaleSettings, notes: Notes, ledger: Ledger) -> None:
        self.settings, self.notes, self.ledger, self.clients = settings, notes, ledger, ChatClients(settings)

    def write_until_accepted(self, picture: Picture) -> State:
        """Write and judge until the picture's rationale is accepted, or rejected for the last time."""
        while (state := self.ledger.state(picture.key, self.settings)) in ("write", "judge"):
            self.write(picture) if state == "write" else self.judge(picture)
        return state

    def write(self, picture: Picture) -> None:
        notes = notes_text(picture, self.notes)
        content = message_content(writing_request(picture, notes, self.settings), picture, notes)
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": content}]
        events = [event for event in self.ledger.events[picture.key] if "problems" in event or "reason" in event]
        if events:
            rejected = next(event["text"] for event in reversed(events) if event["step"] == "write")
            problems = events[-1].get("reason") or "; ".join(events[-1]["problems"])
            messages.append({"role": "assistant", "content": rejected})
            messages.append({"role": "user", "content": REWRITE.format(problems=problems)})
        text, tokens = self.clients.ask_for_text(picture.task, messages)
        problems = find_problems(text, picture.task, self.settings)
        event = {"key": picture.key, "step": "write", "text": text.strip(), "problems": problems, "tokens": tokens}
        self.ledger.append(event)

    def judge(self, picture: Picture) -> None:
        text = self.ledger.events[picture.key][-1]["text"]
        if self.settings.judge is None:
            self.ledger.append({"key": picture.key, "step": "given", "text": text})
            return
        notes = notes_text(picture, self.notes)
        content = message_content(judging_request(picture, notes, text), picture, notes)
        verdict, tokens = self.clients.ask_for_schema("judge", [{"role": "user", "content": content}], Verdict)
        self.ledger.append({"key": picture.key, "step": "judge", **verdict.model_dump(), "tokens": tokens})


def write_all(writer: Writer, pictures: Sequence[Picture]) -> list[str]:
    """Have all rationales written; returns what went wrong, one line a picture."""
    failures: list[str] = []
    with ThreadPoolExecutor(writer.settings.concurrency) as pool:
        jobs = {pool.submit(writer.write_until_accepted, picture): picture for picture in pictures}
        try:
            for job in tqdm(as_completed(jobs), total=len(jobs), desc="rationales", unit=""):
                try:
                    job.result()
                except RuntimeError as error:
                    failures.append(f"{jobs[job].key}: {error}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return failures


####################
# The stage
####################


def main() -> None:
    recipe, args = parse_command_line(
        "Have rationales written and judged.",
        ("--dry-run", {"action": "store_true", "help": "say what would be asked, and ask nothing"}),
        ("--limit", {"type": int, "help": "ask about so many pictures at most"}),
    )
    settings = recipe.rationales
    pictures = load_pictures(recipe.data.sft, recipe.out / "pictures.jsonl")
    notes, ledger = read_notes(settings.notes), Ledger(settings.file)
    usable = drop_without_notes(pictures, notes) if settings.notes else pictures
    unsettled = [p for p in usable if ledger.state(p.key, settings) in ("write", "judge")][: args.limit]
    without_server = {p.task for p in unsettled if getattr(settings, p.task) is None}
    if without_server:
        raise SystemExit(
            f"{len(unsettled)} pictures need a rationale; say in rationales.{min(without_server)} whom to ask"
        )
    if args.dry_run:
        print_requests(unsettled, len(pictures), notes, settings)
        return
    failures = write_all(Writer(settings, notes, ledger), unsettled) if unsettled else []
    print(summarize(ledger, pictures, settings))
    if failures:
        raise SystemExit(f"{len(failures)} pictures are not settled; start again to go on. The first: {failures[0]}")


if __name__ == "__main__":
    main()
