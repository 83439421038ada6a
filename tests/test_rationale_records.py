"""What rationales leave behind: no keys and no passwords, a record of who wrote them, one text for one label."""

import json

import pytest
from PIL import Image
from support.chat_server import QUALITY, ChatServer
from support.rationale_runs import build, write_config, write_pictures

from recipe.config import RationaleSettings
from recipe.labels import Picture
from recipe.rationales import Rationales
from recipe.secrets import redact

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("data"))


# ---------------------------------------------------------------- keys and passwords


def test_keys_and_passwords_stand_in_no_message_and_no_file(tmp_path, folder, monkeypatch):
    key, password = "sk-very-secret-1", "hunter22"
    monkeypatch.setenv("OPENAI_API_KEY", key)

    def echo(handler, body):
        said = handler.headers["Authorization"] or ""
        handler.reply(401, json.dumps({"error": {"message": f"bad key {said}"}}).encode())
        return True

    with ChatServer(respond=echo) as server:
        url = server.url.replace("http://", f"http://me:{password}@")
        run = build(write_config(tmp_path, folder, url))
    assert run.returncode == 1
    assert "bad key" in run.stderr
    with ChatServer(answers={"iqa": f"{QUALITY[:-1]}, {key}."}) as server:
        said = build(write_config(tmp_path, folder, server.url))
    written = (tmp_path / "rationales.jsonl").read_text()
    for secret in (key, password):
        for text in (run.stderr, run.stdout, said.stdout, said.stderr, written):
            assert secret not in text
    assert "***" in written


def test_redaction_leaves_the_rest_alone():
    endpoint = {"base_url": "https://user:pass%40word@host.example/v1", "model": "m"}
    settings = RationaleSettings(file="r.jsonl", iqa=endpoint)
    assert (
        redact("see https://user:pass%40word@host.example/v1, a@b.c", settings)
        == "see https://***@host.example/v1, a@b.c"
    )


# ---------------------------------------------------------------- records


def test_rationales_of_another_writer_are_not_mixed_in(tmp_path, folder):
    with ChatServer() as server:
        config = write_config(tmp_path, folder, server.url)
        assert build(config, "--limit", "2").returncode == 0
        config.write_text(config.read_text().replace("model: m", "model: other"))
        run = build(config)
        assert run.returncode == 1
        assert "rationales.iqa.model: 'm' then, 'other' now\n" in run.stderr
        assert "take another rationales.file=, or delete that folder" in run.stderr
        for harmless in (
            ("timeout: 1.5", "timeout: 2.5"),
            ("price_in: 1.0", "price_in: 2.0"),
            ("concurrency: 4", "concurrency: 1"),
        ):
            config.write_text(config.read_text().replace("model: other", "model: m").replace(*harmless))
        assert build(config).returncode == 0


def test_a_text_explains_one_label_and_another_one_needs_another(tmp_path):
    folder = write_pictures(tmp_path / "data")
    with ChatServer() as server:
        config = write_config(tmp_path, folder, server.url)
        assert build(config).returncode == 0
        labels = json.loads((folder / "iqa_sft.json").read_text())
        labels[0]["gt_score"] = 99.0 if labels[0]["gt_score"] < 50 else 1.0
        (folder / "iqa_sft.json").write_text(json.dumps(labels))
        asked = len(server.requests)
        run = build(config)
    assert run.returncode == 0
    assert len(server.requests) == asked + 2
    assert "8 of 8 rationales accepted" in run.stdout


def test_rationales_of_ones_own_are_one_line_a_picture(tmp_path):
    path, picture = tmp_path / "mine.jsonl", Picture(None, "1.jpg", "KonIQ-10k", "iqa", 50.0, None, "digest")
    path.write_text('{"task": "iqa", "dataset": "KonIQ-10k", "image": "1.jpg", "text": "Sharp."}')  # no line feed
    assert Rationales(path).of(picture) == "Sharp."
    assert Rationales(path).of(picture._replace(image_id="2.jpg")) is None
    path.write_text('{"picture": "1.jpg"}\n')
    with pytest.raises(SystemExit, match=r"line 1 is no rationale: .* write \{task, dataset, image, text\}"):
        Rationales(path)


@pytest.mark.parametrize("text", ["", None, 5, ["a"], "bad </think><answer>3</answer>"])
def test_a_rationale_that_cannot_be_taught_is_refused(tmp_path, text):
    path, picture = tmp_path / "mine.jsonl", Picture(None, "1.jpg", "d", "iqa", 50.0, None, "digest")
    path.write_text(json.dumps({"task": "iqa", "dataset": "d", "image": "1.jpg", "text": text}) + "\n")
    with pytest.raises(SystemExit, match="the text of iqa/d/1.jpg cannot be taught"):
        Rationales(path).of(picture)


def test_a_last_line_without_a_line_feed_is_kept_and_a_dry_run_writes_nothing(tmp_path, folder):
    ledger = tmp_path / "rationales.jsonl"
    with ChatServer() as server:
        config = write_config(tmp_path, folder, server.url)
        assert build(config).returncode == 0
        whole = ledger.read_bytes()
        ledger.write_bytes(whole[:-1])
        dry = build(config, "--dry-run")
        assert "0 of 8 pictures would be asked about" in dry.stdout
        assert ledger.read_bytes() == whole[:-1]
        asked = len(server.requests)
        assert build(config).returncode == 0
        assert len(server.requests) == asked


def test_labels_and_pictures_that_come_back_find_their_rationales_again(tmp_path):
    folder = write_pictures(tmp_path / "data")
    labels, image = folder / "iqa_sft.json", next((folder / "images").glob("sft-*iqa*"))
    before, pixels = labels.read_text(), image.read_bytes()
    with ChatServer() as server:
        config = write_config(tmp_path, folder, server.url)
        assert build(config).returncode == 0
        asked = len(server.requests)
        labels.write_text(json.dumps([row | {"gt_score": 77.0} for row in json.loads(before)]))
        assert build(config).returncode == 0
        assert len(server.requests) == asked + 8
        labels.write_text(before)
        assert "8 of 8 rationales accepted" in build(config).stdout
        assert len(server.requests) == asked + 8
        Image.new("RGB", (64, 64), "red").save(image)
        assert build(config).returncode == 0
        assert len(server.requests) == asked + 10, "another picture needs another text"
        image.write_bytes(pixels)
        assert "8 of 8 rationales accepted" in build(config).stdout
        assert len(server.requests) == asked + 10


def test_a_start_that_fails_leaves_no_record(tmp_path, folder):
    with ChatServer(faults=[404] * 9) as server:
        config = write_config(tmp_path, folder, server.url, concurrency=1)
        assert build(config).returncode == 1
        server.faults.clear()
        config.write_text(config.read_text().replace("model: m", "model: right"))
        assert build(config).returncode == 0
