"""What servers of rationales send in place of answers: a run goes on, says what it met, pays for nothing twice."""

import json
import time
from collections import Counter

import pytest
from support.chat_server import BEAUTY, QUALITY, ChatServer
from support.rationale_runs import build, events_of, write_config, write_pictures

from recipe.chat import LARGEST_BODY, strip_wrapping
from recipe.rationales import Rationales

pytestmark = pytest.mark.slow
VERDICT = '{"grounded": true, "reason": "all of it can be seen"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("data"))


def texts_of(tmp_path):
    return set(Rationales(tmp_path / "rationales.jsonl").texts())


def thinking(text):
    return f"<think>First I wonder.</think> Then more.</think>\n\n{text}"


def fenced(text):
    return f"```json\n{text}\n```"


@pytest.mark.parametrize("wrap", [thinking, fenced, lambda text: thinking(fenced(text))])
def test_thoughts_and_fences_are_taken_off_texts_and_verdicts(tmp_path, folder, wrap):
    answers = {"iqa": wrap(QUALITY), "iaa": wrap(BEAUTY), "judge": wrap(VERDICT)}
    with ChatServer(answers=answers) as server:
        run = build(write_config(tmp_path, folder, server.url))
    assert run.returncode == 0, run.stderr
    assert "8 of 8 rationales accepted" in run.stdout
    assert texts_of(tmp_path) == {QUALITY, BEAUTY}
    assert len(server.requests) == 16, "nothing was asked twice"


def test_what_only_looks_like_a_wrapping_stays():
    assert strip_wrapping("a ```fence``` inside") == "a ```fence``` inside"
    assert strip_wrapping("``` \nno end") == "``` \nno end"
    assert strip_wrapping("<think>never closed") == "<think>never closed"


def as_blocks(reply):
    message = reply["choices"][0]["message"]
    message["content"] = [{"type": "text", "text": message["content"]}, {"type": "other"}]


@pytest.mark.parametrize(
    "shape",
    [
        as_blocks,
        lambda reply: reply | {"usage": {"prompt_tokens": "many", "completion_tokens": None}},
        lambda reply: reply | {"usage": [1, 2]},
        lambda reply: reply | {"usage": None},
        lambda reply: reply | {"usage": {"prompt_tokens": -3, "completion_tokens": True}},
    ],
)
def test_content_in_blocks_is_read_and_usage_of_a_wrong_type_counts_as_none(tmp_path, folder, shape):
    with ChatServer(shape=shape) as server:
        config = write_config(tmp_path, folder, server.url)
        run = build(config)
        again = build(config)
    assert (run.returncode, again.returncode) == (0, 0), run.stderr + again.stderr
    assert "8 of 8 rationales accepted" in run.stdout
    assert len(server.requests) == 16
    assert all(type(n) is int and n >= 0 for event in events_of(tmp_path) for n in event["tokens"])


def test_an_answer_that_was_cut_off_says_so(tmp_path, folder):
    def shape(reply):
        reply["choices"][0]["finish_reason"] = "length"

    with ChatServer(shape=shape) as server:
        run = build(write_config(tmp_path, folder, server.url, attempts=2), "--limit", "2")
    assert "4 times: it was cut off (finish_reason length)" in run.stdout.replace("N", "(finish_reason length)")
    assert {event["step"] for event in events_of(tmp_path)} == {"write"}


def test_a_slow_drip_ends_when_its_time_is_over(tmp_path, folder):
    def drip(handler, body):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
        return True

    with ChatServer(respond=drip) as server:
        begun = time.monotonic()
        config = write_config(tmp_path, folder, server.url, endpoint={"timeout": 1.0, "retries": 1})
        run = build(config, "--limit", "1")
        assert time.monotonic() - begun < 6
    assert run.returncode == 1
    assert "no whole answer in 1 seconds" in run.stderr


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_is_bounded_whatever_it_unpacks_to(tmp_path, folder, packed):
    import gzip

    body = json.dumps({"choices": [{"message": {"content": "x" * (3 * LARGEST_BODY)}}]}).encode()

    def flood(handler, _):
        headers = {"Content-Encoding": "gzip"} if packed else {}
        handler.reply(200, gzip.compress(body) if packed else body, **headers)
        return True

    with ChatServer(respond=flood) as server:
        run = build(write_config(tmp_path, folder, server.url, endpoint={"retries": 0}), "--limit", "1")
    assert run.returncode == 1
    assert f"an answer of more than {LARGEST_BODY} bytes" in run.stderr


def test_one_refused_picture_is_given_up_and_not_asked_about_again(tmp_path, folder):
    refused = []

    def policy(handler, body):
        picture = json.dumps(body["messages"])
        if not refused and "technical quality" in picture:
            refused.append(picture)
        if picture in refused:
            handler.reply(400, json.dumps({"error": {"message": "content policy"}}).encode())
            return True
        return False

    with ChatServer(respond=policy) as server:
        config = write_config(tmp_path, folder, server.url)
        run = build(config)
        asked = len(server.requests)
        again = build(config)
    assert (run.returncode, again.returncode) == (0, 0), run.stderr
    assert "7 of 8 rationales accepted, 1 given up" in again.stdout
    assert "1 times: the server refused it" in again.stdout
    assert "content policy" in again.stdout
    assert len(server.requests) == asked


def test_a_server_that_refuses_everything_is_found_out_and_asked_again_once_it_is_mended(tmp_path):
    folder = write_pictures(tmp_path / "data", per_task=30)
    with ChatServer(faults=[400] * 1000) as server:
        config = write_config(tmp_path, folder, server.url)
        run = build(config)
        assert run.returncode == 1
        assert "the first 20 answers all fail alike: " in run.stderr
        assert "not now" in run.stderr
        assert len(server.requests) < 30
        server.faults.clear()
        assert build(config).returncode == 0


def test_a_writer_that_never_meets_the_checks_is_stopped_after_twenty_answers(tmp_path):
    folder = write_pictures(tmp_path / "data", per_task=30)
    with ChatServer(answers={"iqa": "Too short.", "iaa": "Too short."}) as server:
        run = build(write_config(tmp_path, folder, server.url))
    assert run.returncode == 1
    assert "the first 20 answers all fail alike: it has 2 words" in run.stderr
    assert len(server.requests) < 30


def test_a_judge_that_gives_no_reason_rejects_and_does_not_end_the_run(tmp_path, folder):
    verdicts = iter(['{"grounded": false, "reason": ""}'] * 2)
    with ChatServer(answers={"judge": lambda _: next(verdicts, VERDICT)}) as server:
        run = build(write_config(tmp_path, folder, server.url, concurrency=1))
    assert run.returncode == 0, run.stderr
    assert "8 of 8 rationales accepted" in run.stdout
    rewrites = [body for body in server.requests if "was not accepted" in json.dumps(body["messages"])]
    assert "the judge found it ungrounded" in json.dumps(rewrites[0]["messages"])


def test_texts_that_cannot_be_encoded_are_cleaned(tmp_path, folder):
    def spoil(reply):
        message = reply["choices"][0]["message"]
        if "crisp" in message["content"]:
            message["content"] = message["content"].replace("crisp", "crisp \ud800")

    with ChatServer(shape=spoil) as server:
        run = build(write_config(tmp_path, folder, server.url))
    assert run.returncode == 0, run.stderr
    assert any("crisp \ufffd" in text for text in texts_of(tmp_path))


# ---------------------------------------------------------------- what is asked


def test_requests_can_be_made_as_a_server_wants_them(tmp_path, folder):
    endpoint = {
        "max_tokens_name": "max_completion_tokens",
        "temperature": None,
        "extra_body": {"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}},
        "structure": "prompt",
    }
    with ChatServer(answers={"judge": f"Sure: {VERDICT} There."}) as server:
        run = build(write_config(tmp_path, folder, server.url, endpoint=endpoint))
    assert run.returncode == 0, run.stderr
    for body in server.requests:
        assert body["max_completion_tokens"] == 700
        assert body["reasoning_effort"] == "low"
        assert body["chat_template_kwargs"] == {"enable_thinking": False}
        assert not {"max_tokens", "temperature", "response_format"} & body.keys()
    judged = [body for body in server.requests if "A writer explains" in json.dumps(body["messages"])]
    assert all('"grounded"' in body["messages"][-1]["content"] for body in judged)


@pytest.mark.parametrize(("structure", "kind"), [("schema", "json_schema"), ("object", "json_object")])
def test_a_judge_is_asked_for_json_in_the_form_that_its_server_knows(tmp_path, folder, structure, kind):
    with ChatServer() as server:
        run = build(write_config(tmp_path, folder, server.url, endpoint={"structure": structure}))
    assert run.returncode == 0, run.stderr
    formats = Counter(body.get("response_format", {}).get("type") for body in server.requests)
    assert formats == {None: 8, kind: 8}
