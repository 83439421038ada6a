"""`build_rationales.py` with the real `openai` client against a real HTTP server that fails, stalls and sends junk."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from support import stages
from support.chat_server import BEAUTY, QUALITY, ChatServer
from support.rationale_runs import build, events_of, write_config, write_pictures

from recipe.prompts import ATTRIBUTES
from recipe.rationales import Rationales
from recipe.yaml_files import load_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("data"))


def test_every_picture_gets_a_judged_rationale_and_the_bill_is_told(tmp_path, folder):
    with ChatServer() as server:
        run = build(write_config(tmp_path, folder, server.url))
    assert run.returncode == 0, run.stderr
    assert "8 of 8 rationales accepted, 0 given up" in run.stdout
    assert "iqa: 4 answers, 400 tokens in, 40 out, cost 0.00" in run.stdout
    assert "judge: 8 answers, 800 tokens in, 80 out" in run.stdout
    accepted = Rationales(tmp_path / "rationales.jsonl")
    assert Counter(key.rpartition("/")[0] for key in accepted.events) == {"iqa/tiny-iqa": 4, "iaa/tiny-iaa": 4}
    assert Counter(accepted.texts()) == {QUALITY: 4, BEAUTY: 4}
    shown = [message["content"] for body in server.requests for message in body["messages"]]
    pictures = [block for content in shown for block in content if block["type"] == "image_url"]
    assert len(pictures) == 16  # writers and judges see what they speak of
    assert pictures[0]["image_url"]["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("fault", [429, 500, "stall", "junk", "empty", "hang up"])
def test_a_server_that_fails_for_a_while_costs_nothing_but_time(tmp_path, folder, fault):
    with ChatServer(faults=[fault] * 3) as server:
        run = build(write_config(tmp_path, folder, server.url), "--limit", "2")
    assert run.returncode == 0, run.stderr
    assert "2 of 8 rationales accepted" in run.stdout
    assert len(events_of(tmp_path)) == 4


def test_a_verdict_cut_short_is_asked_for_again(tmp_path, folder):
    with ChatServer(faults=[None, "half"]) as server:
        run = build(write_config(tmp_path, folder, server.url, concurrency=1), "--limit", "1")
    assert run.returncode == 0, run.stderr
    assert len(server.requests) == 3


def test_a_server_that_stays_down_ends_the_run_with_what_is_left(tmp_path, folder):
    with ChatServer(faults=[500] * 1000) as server:
        config = write_config(tmp_path, folder, server.url)
        config.write_text(config.read_text().replace("retries: 3", "retries: 0"))
        run = build(config)
    assert run.returncode == 1
    assert "8 pictures are not settled; start again to go on" in run.stderr


def test_a_wrong_key_ends_the_run_at_once(tmp_path, folder):
    with ChatServer(faults=[401] * 1000) as server:
        run = build(write_config(tmp_path, folder, server.url, concurrency=1))
    assert run.returncode == 1
    assert "mend rationales." in run.stderr
    assert len(server.requests) <= 2


def test_a_killed_run_goes_on_and_pays_for_nothing_twice(tmp_path, folder):
    ledger = tmp_path / "rationales.jsonl"
    with ChatServer(delay=0.15) as server:
        config = write_config(tmp_path, folder, server.url, concurrency=2)
        command = [sys.executable, stages.EXAMPLES / "build_rationales.py", "--config", config]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and not (ledger.exists() and ledger.read_text().count("\n") >= 5):
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = len(events_of(tmp_path))
        time.sleep(0.5)  # what was under way ends
        paid_for_nothing = len(server.answered) - before  # answers that came after the kill
        with ledger.open("a") as file:
            file.write('{"key": "tiny-iqa/half a li')
        run = build(config)
    assert run.returncode == 0, run.stderr
    assert 5 <= before < 16
    assert paid_for_nothing <= 2  # no more than were under way
    assert len(events_of(tmp_path)) == 16
    assert max(Counter((event["key"], event["step"]) for event in events_of(tmp_path)).values()) == 1
    assert len(server.answered) == 16 + paid_for_nothing
    assert len(Rationales(ledger).texts()) == 8


def test_a_third_start_asks_nothing(tmp_path, folder):
    with ChatServer() as server:
        config = write_config(tmp_path, folder, server.url)
        build(config)
        asked = len(server.requests)
        run = build(config)
    assert len(server.requests) == asked
    assert "8 of 8 rationales accepted" in run.stdout


def test_what_fails_is_written_again_with_the_reason_and_given_up_at_last(tmp_path, folder):
    with ChatServer(
        answers={"iqa": "Sharp and clean. 95 of 100.", "judge": '{"grounded": false, "reason": "no sea"}'}
    ) as s:
        run = build(write_config(tmp_path, folder, s.url, attempts=2))
    assert run.returncode == 0, run.stderr
    assert "0 of 8 rationales accepted, 8 given up" in run.stdout
    assert "4 times: the judge found it ungrounded" not in run.stdout
    assert "8 times: the judge found it ungrounded" in run.stdout
    again = [body["messages"][-1]["content"] for body in s.requests if len(body["messages"]) == 3]
    assert any("not accepted: no sea" in text for text in again)
    assert any("it names a number or the score" in text for text in again)
    assert not Rationales(tmp_path / "rationales.jsonl").texts()


def test_a_judge_may_be_left_out(tmp_path, folder):
    with ChatServer() as server:
        run = build(write_config(tmp_path, folder, server.url, judge=None))
    assert "8 of 8 rationales accepted" in run.stdout
    assert len(server.requests) == 8
    assert len(Rationales(tmp_path / "rationales.jsonl").texts()) == 8


def test_a_dry_run_shows_the_questions_and_asks_nothing(tmp_path, folder):
    with ChatServer() as server:
        run = build(write_config(tmp_path, folder, server.url), "--dry-run")
    assert run.returncode == 0, run.stderr
    assert "8 of 8 pictures would be asked about" in run.stdout
    assert "In exactly two sentences and 30 to 50 words" in run.stdout
    assert server.requests == []


def test_notes_on_eight_attributes_take_the_place_of_the_picture(tmp_path, folder):
    names = [row["image"] for row in json.loads((folder / "iaa_sft.json").read_text())]
    notes = tmp_path / "notes"
    notes.mkdir()
    for attribute in ATTRIBUTES:
        rows = [{"image": name, "text": f"a remark on {attribute}"} for name in names[:3]]
        (notes / f"{attribute.replace(' ', '_')}.json").write_text(json.dumps(rows))
    with ChatServer() as server:
        run = build(write_config(tmp_path, folder, server.url, notes=str(notes)))
    assert run.returncode == 0, run.stderr
    assert "1 aesthetics pictures have notes on fewer than five attributes and are left out" in run.stdout
    assert "7 of 8 rationales accepted" in run.stdout
    iaa = [body["messages"][0]["content"] for body in server.requests if "Critics left" in json.dumps(body)]
    assert all(len(content) == 1 and "gestalt: a remark on gestalt" in content[0]["text"] for content in iaa)


def test_rationales_must_meet_the_budgets_of_the_rewards(tmp_path, folder):
    config = write_config(tmp_path, folder, "http://127.0.0.1:1/v1", iaa_words=[20, 30])
    with pytest.raises(SystemExit, match=r"iaa_words .* at least 125"):
        load_recipe(config)
