# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Stage 0: have rationales written and judged by larger models, through any server that speaks the OpenAI chat API.

    python examples/build_rationales.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml --dry-run
    python examples/build_rationales.py --config examples/configs/qwen2_5_vl_7b_8gpu.yaml

Quality: a vision model sees the picture and its MOS and writes two technical sentences. Aesthetics: a language model
gets the critics' notes on eight attributes, or a vision model the picture, and writes a narrative. What fails the local
checks is written again; what passes goes to a judge, who rejects what is not grounded. Every answer that was paid for
is kept in an append-only file at once, so that a run that was killed goes on where it was and pays nothing twice.
"""

import base64
import io
import os
import re
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import openai
from PIL import Image
from pydantic import ValidationError
from tqdm import tqdm

from recipe.config import Endpoint, RationaleSettings
from recipe.pictures import Picture, load_pictures
from recipe.prompts import AGAIN, JUDGE, WRITE_IAA_NOTES, WRITE_IAA_PICTURE, WRITE_IQA, Verdict
from recipe.rationales import Ledger, problems_of, read_notes
from recipe.stages import parse_recipe

FATAL = (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError, openai.BadRequestError)
LONGEST_SIDE = 1024  # of the pictures that are sent


class Writer:
    """Asks the servers about one picture after the other; safe to use from several threads."""

    def __init__(self, settings: RationaleSettings, notes: dict[str, dict[str, str]], ledger: Ledger):
        self.settings, self.notes, self.ledger = settings, notes, ledger
        self.clients = {
            role: openai.OpenAI(
                base_url=endpoint.base_url,
                api_key=os.environ.get(endpoint.api_key_env) or "none",
                timeout=endpoint.timeout,
                max_retries=endpoint.retries,
            )
            for role in ("iqa", "iaa", "judge")
            if (endpoint := getattr(settings, role)) is not None
        }

    def settle(self, picture: Picture) -> str:
        """Write and judge until the picture's rationale is accepted or given up."""
        while (state := self.ledger.state(picture.key, self.settings)) in ("write", "judge"):
            self.write(picture) if state == "write" else self.judge(picture)
        return state

    def write(self, picture: Picture) -> None:
        messages = [{"role": "user", "content": self.question(picture)}]
        before = [event for event in self.ledger.events[picture.key] if "problems" in event or "reason" in event]
        if before:
            text = next(event["text"] for event in reversed(before) if event["step"] == "write")
            wrong = before[-1].get("reason") or "; ".join(before[-1]["problems"])
            messages += [
                {"role": "assistant", "content": text},
                {"role": "user", "content": AGAIN.format(problems=wrong)},
            ]
        text, tokens = self.ask(picture.task, messages)
        problems = problems_of(text, picture.task, self.settings)
        self.ledger.append(
            {"key": picture.key, "step": "write", "text": text.strip(), "problems": problems, "tokens": tokens}
        )

    def judge(self, picture: Picture) -> None:
        text = self.ledger.events[picture.key][-1]["text"]
        if self.settings.judge is None:
            self.ledger.append({"key": picture.key, "step": "given", "text": text})
            return
        notes = self.notes_on(picture)
        source = "the picture" if notes is None else f"these notes:\n\n{notes}\n\n"
        content: list[dict] = [{"type": "text", "text": JUDGE.format(mos=picture.mos, source=source, text=text)}]
        content += [] if notes else [picture_block(picture.path)]
        verdict, tokens = self.ask("judge", [{"role": "user", "content": content}], Verdict)
        self.ledger.append({"key": picture.key, "step": "judge", **verdict.model_dump(), "tokens": tokens})

    def question(self, picture: Picture) -> list[dict]:
        low, high = self.settings.iqa_words if picture.task == "iqa" else self.settings.iaa_words
        notes = self.notes_on(picture)
        template = WRITE_IQA if picture.task == "iqa" else WRITE_IAA_NOTES if notes else WRITE_IAA_PICTURE
        text = {"type": "text", "text": template.format(mos=picture.mos, low=low, high=high, notes=notes)}
        return [text] if notes else [text, picture_block(picture.path)]

    def notes_on(self, picture: Picture) -> str | None:
        if picture.task == "iqa" or self.settings.notes is None:
            return None
        return "\n".join(f"{attribute}: {note}" for attribute, note in self.notes[picture.image_id].items())

    def ask(self, role: str, messages: list[dict], schema: type | None = None) -> tuple[Any, list[int]]:
        """A text, or an instance of the schema, and the tokens paid for; junk is asked again."""
        endpoint: Endpoint = getattr(self.settings, role)
        call = self.clients[role].chat.completions
        options = {"model": endpoint.model, "messages": messages, "max_tokens": endpoint.max_tokens}
        for attempt in range(endpoint.retries + 1):
            try:
                if schema is None:
                    reply = call.create(**options, temperature=endpoint.temperature)
                    answer = reply.choices[0].message.content
                else:
                    reply = call.parse(**options, temperature=0.0, response_format=schema)
                    answer = reply.choices[0].message.parsed
                if answer:
                    usage = reply.usage
                    return answer, [usage.prompt_tokens, usage.completion_tokens] if usage else [0, 0]
                problem: Any = "an empty answer"
            except FATAL as error:
                raise SystemExit(f"{role} at {endpoint.base_url}: {error}; mend rationales.{role}") from None
            except (openai.OpenAIError, ValidationError, ValueError, AttributeError, TypeError, IndexError) as error:
                problem = error  # the client has retried what it could; this is junk in the place of an answer
            time.sleep(min(8, 0.25 * 2**attempt))
        raise RuntimeError(f"{role} at {endpoint.base_url} gave no usable answer: {problem!r:.200}")


def picture_block(path: Path) -> dict:
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
    encoded = base64.b64encode(file.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{encoded}"}}


def report(ledger: Ledger, pictures: list[Picture], settings: RationaleSettings) -> str:
    states = Counter(ledger.state(picture.key, settings) for picture in pictures)
    lines = [f"{states['accepted']} of {len(pictures)} rationales accepted, {states['rejected']} given up"]
    answers, problems = defaultdict(list), Counter()
    for picture in pictures:
        for event in ledger.events.get(picture.key, []):
            if "tokens" in event:
                answers["judge" if event["step"] == "judge" else picture.task].append(event["tokens"])
            problems.update(re.sub(r"\d+|\(.*\)", "N", problem) for problem in event.get("problems", []))
            problems["the judge found it ungrounded"] += event.get("grounded") is False
    for role, tokens in answers.items():
        endpoint, (into, out) = getattr(settings, role), map(sum, zip(*tokens, strict=True))
        cost = (into * endpoint.price_in + out * endpoint.price_out) / 1e6 if endpoint else 0
        lines.append(f"{role}: {len(tokens)} answers, {into} tokens in, {out} out, cost {cost:.2f}")
    lines += [f"  {count} times: {problem}" for problem, count in problems.most_common(6) if count]
    return "\n".join(lines)


def main() -> None:
    recipe, args = parse_recipe(
        "Have rationales written and judged.",
        ("--dry-run", {"action": "store_true", "help": "say what would be asked, and ask nothing"}),
        ("--limit", {"type": int, "help": "settle only so many pictures"}),
    )
    settings = recipe.rationales
    pictures = load_pictures(recipe.data.sft, recipe.out / "pictures.jsonl")
    notes, ledger = read_notes(settings.notes), Ledger(settings.file)
    if settings.notes:
        told = [p for p in pictures if p.task == "iqa" or len(notes.get(p.image_id, {})) >= 5]
        if len(told) < len(pictures):
            n_without = len(pictures) - len(told)
            print(f"{n_without} aesthetics pictures have notes on fewer than five attributes and are left out")
    else:
        told = pictures
    wanted = [p for p in told if ledger.state(p.key, settings) in ("write", "judge")][: args.limit]
    absent = {p.task for p in wanted if getattr(settings, p.task) is None}
    if absent:
        raise SystemExit(f"{len(wanted)} pictures need a rationale; say in rationales.{min(absent)} whom to ask")
    if args.dry_run:
        print(
            f"{len(wanted)} of {len(pictures)} pictures would be asked about: {dict(Counter(p.task for p in wanted))}"
        )
        for task in sorted({p.task for p in wanted}):
            first = next(p for p in wanted if p.task == task)
            shown = Writer(settings, notes, ledger).question(first)
            print(f"\n{task}, to {getattr(settings, task).model}, on {first.key}:\n{shown[0]['text']}")
        return
    failed: list[str] = []
    if wanted:
        writer = Writer(settings, notes, ledger)
        with ThreadPoolExecutor(settings.concurrency) as pool:
            jobs = {pool.submit(writer.settle, picture): picture for picture in wanted}
            try:
                for job in tqdm(as_completed(jobs), total=len(jobs), desc="rationales", unit=""):
                    try:
                        job.result()
                    except RuntimeError as error:
                        failed.append(f"{jobs[job].key}: {error}")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    print(report(ledger, pictures, settings))
    if failed:
        raise SystemExit(f"{len(failed)} pictures are not settled; start again to go on. The first: {failed[0]}")


if __name__ == "__main__":
    main()
