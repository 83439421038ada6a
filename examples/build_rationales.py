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

import asyncio
from collections import Counter
from collections.abc import Sequence

from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam
from tqdm import tqdm

from recipe.chat import ChatClients, Hopeless, Refused, Unusable, clean, picture_block
from recipe.config import RationaleSettings, Recipe
from recipe.files import locked
from recipe.labels import Picture
from recipe.pictures import fingerprint_of_rows, load_pictures
from recipe.prompts import JUDGE, REWRITE, WRITE_IAA_NOTES, WRITE_IAA_PICTURE, WRITE_IQA, Verdict
from recipe.rationales import UNGROUNDED, Event, Ledger, Notes, find_problems, kind_of, read_notes, summarize
from recipe.secrets import redact
from recipe.stages import check_stage, parse_command_line, run_lock, start_stage

STOPS_AFTER = 20  # answers that all fail alike, from the first one on

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


async def message_content(request: str, picture: Picture, notes: str) -> list[ChatCompletionContentPartParam]:
    """The request, and the picture unless the notes take its place."""
    text: ChatCompletionContentPartParam = {"type": "text", "text": request}
    return [text] if notes else [text, await asyncio.to_thread(picture_block, picture.path)]


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


class Opening:
    """The first answers of a run to one kind of request: where all of them fail alike, asking on is a waste."""

    def __init__(self) -> None:
        self.n_failed, self.common, self.over = 0, set[str](), False

    def see(self, problems: Sequence[str]) -> None:
        """Take in one answer by its problems; raises at the twentieth that fails as all others do."""
        if self.over:
            return
        kinds = {kind_of(problem) for problem in problems}
        self.common = kinds if self.n_failed == 0 else self.common & kinds
        self.n_failed, self.over = self.n_failed + 1, not self.common
        if self.n_failed >= STOPS_AFTER and not self.over:
            raise Hopeless(
                f"the first {STOPS_AFTER} answers all fail alike: {problems[0]}\nmend what asks for them (rationales, "
                f"or its server), and start again"
            )


class Writer:
    """Has the rationales of some pictures written and judged, many at a time."""

    def __init__(self, settings: RationaleSettings, notes: Notes, ledger: Ledger) -> None:
        self.settings, self.notes, self.ledger, self.clients = settings, notes, ledger, ChatClients(settings)
        self.openings = {"write": Opening(), "judge": Opening()}
        self.refusals: list[tuple[Picture, Event]] = []  # kept back until the server has answered anything

    async def write_until_accepted(self, picture: Picture) -> None:
        """Write and judge until the picture's rationale is accepted, or given up."""
        while (state := self.ledger.state(picture, self.settings)) in ("write", "judge"):
            try:
                problems = await (self.write(picture) if state == "write" else self.judge(picture))
            except (Refused, Unusable) as error:
                self.openings[state].see([str(error)])
                if isinstance(error, Unusable):
                    raise
                self.refusals.append((picture, {"step": "refused", "reason": str(error)}))
                return
            self.openings[state].see(problems)
            self.keep_refusals()

    async def write(self, picture: Picture) -> list[str]:
        """One text; returns its problems."""
        notes = notes_text(picture, self.notes)
        content = await message_content(writing_request(picture, notes, self.settings), picture, notes)
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": content}]
        rejected = self.ledger.last_rejected(picture)
        if rejected is not None:
            messages.append({"role": "assistant", "content": rejected.text})
            messages.append({"role": "user", "content": REWRITE.format(problems=rejected.problems)})
        reply = await self.clients.ask_for_text(picture.task, messages)
        text = redact(reply.text, self.settings)
        problems = find_problems(text, picture.task, self.settings)
        if reply.finish_reason in ("length", "content_filter"):
            problems.append(f"it was cut off (finish_reason {reply.finish_reason})")
        self.ledger.append(picture, {"step": "write", "text": text, "problems": problems, "tokens": reply.tokens})
        return problems

    async def judge(self, picture: Picture) -> list[str]:
        """One verdict; returns what it has against the text."""
        text = self.ledger.last_text(picture)
        if self.settings.judge is None:
            self.ledger.append(picture, {"step": "given", "text": text})
            return []
        notes = notes_text(picture, self.notes)
        content = await message_content(judging_request(picture, notes, text), picture, notes)
        verdict, tokens = await self.clients.ask_for_schema("judge", [{"role": "user", "content": content}], Verdict)
        reason = redact(clean(verdict.reason), self.settings)
        self.ledger.append(picture, {"step": "judge", "grounded": verdict.grounded, "reason": reason, "tokens": tokens})
        return [] if verdict.grounded else [UNGROUNDED]

    def keep_refusals(self, *, at_most: int = STOPS_AFTER) -> None:
        """What the server refuses among answers is refused for good; many refusals on end have another reason."""
        if any(opening.over for opening in self.openings.values()) and len(self.refusals) <= at_most:
            for picture, event in self.refusals:
                self.ledger.append(picture, event)
            self.refusals.clear()


async def write_all(writer: Writer, pictures: Sequence[Picture]) -> list[str]:
    """Have all rationales written; returns what went wrong, one line a picture."""
    failures: list[str] = []
    places = asyncio.Semaphore(writer.settings.concurrency)
    progress = tqdm(total=len(pictures), desc="rationales", unit="")

    async def settle(picture: Picture) -> None:
        async with places:
            try:
                await writer.write_until_accepted(picture)
            except Unusable as error:
                failures.append(f"{picture.key}: {error}")
        progress.update()

    async with asyncio.TaskGroup() as tasks:
        for picture in pictures:
            tasks.create_task(settle(picture))
    progress.close()
    writer.keep_refusals(at_most=4)
    return failures + [f"{picture.key}: {event['reason']}" for picture, event in writer.refusals]


####################
# The stage
####################


def build(recipe: Recipe, settings: RationaleSettings, limit: int | None, *, dry_run: bool) -> None:
    pictures = load_pictures(recipe.data.sft, recipe.out / "pictures.jsonl")
    notes, ledger = read_notes(settings.notes), Ledger(settings.file)
    usable = drop_without_notes(pictures, notes) if settings.notes else pictures
    unsettled = [p for p in usable if ledger.state(p, settings) in ("write", "judge")][:limit]
    without_server = {p.task for p in unsettled if getattr(settings, p.task) is None}
    if without_server:
        raise SystemExit(
            f"{len(unsettled)} pictures need a rationale; say in rationales.{min(without_server)} whom to ask"
        )
    if dry_run:
        print_requests(unsettled, len(pictures), notes, settings)
        return
    seen = fingerprint_of_rows(sorted(notes.items()))
    check_stage(recipe, "rationales", notes=seen)
    ledger.before_first = lambda: start_stage(recipe, "rationales", notes=seen)
    failures: list[str] = []
    try:
        if unsettled:
            failures = asyncio.run(write_all(Writer(settings, notes, ledger), unsettled))
    except* Hopeless as ended:
        raise SystemExit(str(ended.exceptions[0])) from None
    print(summarize(ledger, pictures, settings))
    if failures:
        raise SystemExit(f"{len(failures)} pictures are not settled; start again to go on. The first: {failures[0]}")


def main() -> None:
    recipe, args = parse_command_line(
        "Have rationales written and judged.",
        ("--dry-run", {"action": "store_true", "help": "say what would be asked, and ask nothing"}),
        ("--limit", {"type": int, "help": "ask about so many pictures at most"}),
    )
    if recipe.rationales is None:
        raise SystemExit("this config has no section rationales: say in it whom to ask")
    file = recipe.rationales.file
    with run_lock(recipe), locked(file.with_name(f"{file.name}.lock")):
        build(recipe, recipe.rationales, args.limit, dry_run=args.dry_run)


if __name__ == "__main__":
    main()
