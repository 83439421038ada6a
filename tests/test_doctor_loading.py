"""The doctor loads rewards and data as the trainer's own script does, and says what it could not look at."""

import json
import re
import socket

import pytest
from datasets import Dataset, DatasetDict
from support.labelled_rows import QUESTION, json_lines, rows

from tatar_rewards.cli import main

SOUND = "num_generations: 4\nper_device_train_batch_size: 32\n"
OFF_SCALE = "mos[0] is 500, off its declared scale"


@pytest.fixture
def no_hub(monkeypatch):
    """The hub is out of reach, at once."""

    def refuse(*args, **kwargs):
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)


# ---------------------------------------------------------------- rewards


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("1 / 0\n", "fails while it is imported: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(0)\n", "fails while it is imported: SystemExit: 0"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("def reward(:\n", "fails while it is imported: SyntaxError"),
        ("reward = None\n", "must name ready rewards"),
        ("reward = 5\n", "must name ready rewards"),
        ("", "has no attribute 'reward'"),
    ],
)
def test_a_module_that_gives_no_reward_is_told(source, told, doctor, tmp_path):
    name = f"module_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    code, _, err = doctor("--reward-funcs", f"{name}.reward")
    assert code == 2
    assert told in err


def test_rewards_are_found_by_their_path_by_the_names_of_trl_and_as_models(doctor):
    code, out, _ = doctor(
        yaml=f"{SOUND}reward_model_name_or_path: org/judge\n"
        "reward_funcs: [think_format_reward, get_soft_overlong_punishment, tatar_rewards.presets.iaa_thurstone_rank]\n"
        "reward_weights: [1, 1, 1, 1]\n"
    )
    assert code == 0
    assert "judge, think_format_reward, soft_overlong_punishment_reward, iaa_thurstone_rank" in out
    assert "judge (a reward model), think_format_reward (not of this package)" in out


def test_presets_take_the_settings_and_ready_rewards_have_their_own(doctor, tmp_path):
    (tmp_path / "five.jsonl").write_text(json_lines(mos=[1.1 + 3.8 * (7 * k % 40) / 40 for k in range(40)]))
    arguments = ["--dataset", "five.jsonl", "--num-generations", 4, "--per-device-train-batch-size", 32]
    for rewards in (["recommended"], ["tatar_rewards.presets.q_insight", "think_format_reward"], ["tatar"]):
        assert doctor(*arguments, "--reward-funcs", *rewards)[0] == 1, "undeclared"
        code, out, _ = doctor(*arguments, "--mos-scale", 1, 5, "--reward-funcs", *rewards)
        assert code == 0, out
    for rewards in (["answer_format"], ["answer_format", "iqa_gaussian_score"], ["GaussianScoreReward", "length"]):
        code, out, _ = doctor("--mos-scale", 1, 5, "--mos-column", "rating", "--reward-funcs", *rewards)
        assert code == 0, out
    (tmp_path / "mine.py").write_text("from tatar_rewards import GaussianScoreReward\nreward = GaussianScoreReward()\n")
    code, _, err = doctor("--mos-scale", 1, 5, "--reward-funcs", "recommended", "mine.reward")
    assert (code, "mine.reward has its own; set it there, and leave mos_scale out" in err) == (2, True)
    assert "iqa_words is a setting of the preset tatar; name tatar, or leave" in doctor("--iqa-words", 30)[2]
    assert doctor("--iqa-words", 30, "--reward-funcs", "tatar")[0] == 0
    assert "did you mean 'recommended'?" in doctor("--mos-scale", 1, 5, "--reward-funcs", "recomended")[2]


def test_columns_have_the_names_that_are_given(doctor, tmp_path):
    names = {"mos": "score", "image_id": "img", "task": "kind", "dataset": "source"}
    given = {names.get(name, name): column for name, column in rows().items()}
    (tmp_path / "mine.jsonl").write_text(
        "".join(json.dumps(dict(zip(given, row, strict=True))) + "\n" for row in zip(*given.values(), strict=True))
    )
    batch = ["--dataset", "mine.jsonl", "--num-generations", 4, "--per-device-train-batch-size", 32]
    options = [part for name, mine in names.items() for part in (f"--{name.replace('_', '-')}-column", mine)]
    code, out, _ = doctor(*batch, *options, "--reward-funcs", "tatar", "--iaa-words", 100)
    assert (code, "of a call: 4.0 of iaa tiny" in out) == (0, True), out
    code, out, _ = doctor(*batch)
    assert "name yours with image_id_column= (--image-id-column)" in " ".join(out.split())
    assert code == 1
    for option in ("--dataset-column", "--task-column"):
        misspelt = " ".join(doctor(*batch, *options, option, "sourc")[1].split())
        assert f"({option}) names. -> did you mean 'source'?" in misspelt
    misspelt = " ".join(doctor(*batch, "--mos-column", "scores")[1].split())
    assert "name yours with mos_column= (--mos-column), perhaps 'score'" in misspelt


def test_without_names_the_commands_take_the_recommended_rewards(doctor, capsys):
    named = ["answer_format", "thurstone_rank", "win_rate", "crps_score"]
    assert f"rewards {', '.join(named)}" in " ".join(doctor()[1].split())
    main(["explain", "<answer>50</answer>", "--mos", "50", "--json"])
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == named


def test_the_recipes_rewards_take_scales_and_budgets_from_options_and_from_the_file(doctor, tmp_path):
    mos = [1.1 + 3.8 * (7 * k % 40) / 40 for k in range(40)]
    (tmp_path / "five.jsonl").write_text(json_lines(mos=mos))
    arguments = ["--dataset", "five.jsonl", "--num-generations", 4, "--per-device-train-batch-size", 32]
    assert doctor(*arguments)[0] == 1, "undeclared"
    assert doctor(*arguments, "--mos-scale", 1, 5)[0] == 0
    assert doctor(*arguments, "--mos-scale", 1, 5, "--lower-is-better")[0] == 0
    assert doctor(*arguments, "--mos-scale-of", "tiny", 1, 5)[0] == 0
    assert doctor(*arguments, "--mos-scale-of", "tiny", 1, 5, "--lower-is-better-of", "tiny")[0] == 0
    assert "mos_scale declares only ['AVA']" in doctor(*arguments, "--mos-scale-of", "AVA", 1, 5)[1]
    assert doctor(*arguments, "--mos-scale", 1, 5, "--lower-is-better-of", "tiny")[0] == 0
    assert doctor(*arguments, "--mos-scale", 0, 9, "--mos-scale-of", "tiny", 1, 5)[0] == 0
    code, out, _ = doctor(*arguments, "--mos-scale", 1, 5, "--lower-is-better-of", "tinny")
    assert code == 1
    assert "a scale is declared for the data set 'tinny', and no row is of it" in out
    assert "-> did you mean 'tiny'?" in out
    code, out, _ = doctor(*arguments, "--mos-scale-of", "tiny", 1, 5, "--mos-scale-of", "tinny", 1, 5)
    assert (code, "-> did you mean 'tiny'?" in out) == (0, True), "advice: every row has a scale of its own"
    for scale in ("mos_scale: [1, 5]", "mos_scale: {tiny: [1, 5]}", "mos_scale_of: [[tiny, 1, 5]]"):
        assert doctor(yaml=f"{SOUND}dataset: five.jsonl\n{scale}\n")[0] == 0
    asks = json_lines(prompt=[QUESTION + " from 1 (best) to 9 (worst)"] * 40)
    (tmp_path / "asks.jsonl").write_text(asks)
    arguments[1] = "asks.jsonl"
    assert "ask for a score from 1 to 9 (lower is better)" in doctor(*arguments)[1]
    assert doctor(*arguments, "--answer-scale", 1, 9)[0] == 1
    assert doctor(*arguments, "--answer-scale", 1, 9, "--answers-lower-is-better")[0] == 0


# ---------------------------------------------------------------- the chat template


def test_the_chat_template_is_read_from_a_file_or_from_the_folder_of_a_model(doctor, tmp_path):
    messages = [[{"role": "user", "content": QUESTION}]] * 40
    (tmp_path / "chat.jsonl").write_text(json_lines(prompt=messages))
    chat, opens = f"{SOUND}dataset: chat.jsonl\n", "{{ messages[0].content }}<think>\n"
    assert re.search("not looked at +the chat template", doctor(yaml=chat)[1])
    (tmp_path / "opens.jinja").write_text(opens)
    assert "the chat template ends in <think>" in doctor("--chat-template", "opens.jinja", yaml=chat)[1]
    assert doctor("--chat-template", "opens.jinja", "--think-prefilled", yaml=chat)[0] == 0
    for name, content in (
        ("chat_template.jinja", opens),
        ("chat_template.json", json.dumps({"chat_template": opens})),
        ("tokenizer_config.json", json.dumps({"chat_template": [{"name": "default", "template": opens}]})),
    ):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        (folder / name).write_text(content)
        assert "ends in <think>" in doctor("--model", folder.name, yaml=chat)[1]
        assert "ends in <think>" in doctor(yaml=f"{chat}model_name_or_path: {folder.name}\n")[1]
    (tmp_path / "none").mkdir()
    assert "not looked at: none holds none" in doctor("--model", "none", yaml=chat)[1]
    assert "Qwen/Qwen3-VL is no folder of this machine" in doctor(yaml=f"{chat}model_name_or_path: Qwen/Qwen3-VL\n")[1]
    (tmp_path / "none" / "tokenizer_config.json").write_text("{")
    assert doctor("--model", "none", yaml=chat)[0] == 2


# ---------------------------------------------------------------- data


def test_data_are_read_in_every_layout_that_the_trainers_script_takes(doctor, tmp_path):
    good, bad = Dataset.from_dict(rows()), Dataset.from_dict(rows(mos=[500.0, *rows()["mos"][1:]]))
    good.save_to_disk("one")
    DatasetDict(train=bad, mine=good).save_to_disk("two")
    (tmp_path / "three" / "data").mkdir(parents=True)
    (tmp_path / "three" / "data" / "train-0.jsonl").write_text(json_lines())
    (tmp_path / "three" / "data" / "test-0.jsonl").write_text(json_lines(mos=[500.0] * 40))
    good.to_parquet("four.parquet")
    good.to_csv("five.csv")
    for place in ("one", "three", "four.parquet", "five.csv", "train.jsonl"):
        code, out, _ = doctor("--dataset", place, yaml=SOUND)
        assert code == 0, out
        assert "of a call: 4.0 of iaa tiny, 4.0 of iqa tiny" in out, "the rows were read"
    assert OFF_SCALE in doctor(yaml=f"{SOUND}dataset_name: two\n")[1]
    code, out, _ = doctor(yaml=f"{SOUND}dataset_name: two\ndataset_train_split: mine\n")
    assert code == 0
    assert "'mine' of 'train', 'mine'" in out
    assert "`trl grpo` itself takes no folder of save_to_disk" in out
    code, out, _ = doctor(yaml=f"{SOUND}dataset_name: three\ndataset_streaming: true\n")
    assert (code, "Nothing found." in out) == (0, True), out
    assert OFF_SCALE in doctor(yaml=f"{SOUND}dataset_name: three\ndataset_train_split: test\n")[1]


def test_a_mixture_is_put_together_by_trl(doctor, tmp_path):
    (tmp_path / "bad.jsonl").write_text(json_lines(mos=[500.0] * 40))
    mixture = "datasets:\n  - {path: json, data_files: train.jsonl}\n"
    code, out, _ = doctor(yaml=SOUND + mixture)
    assert code == 0, out
    assert "of a call: 4.0 of iaa tiny, 4.0 of iqa tiny" in out
    out = doctor(yaml=f"{SOUND}{mixture}  - {{path: json, data_files: bad.jsonl}}\n")[1]
    assert "mos[40] is 500" in out
    assert doctor(yaml=f"{SOUND}datasets:\n  - {{path: json, data_files: nowhere.jsonl}}\n")[0] == 2
    assert doctor(yaml=f"{SOUND}datasets:\n  - {{path: json, wrong: 1}}\n")[0] == 2


def test_what_the_hub_holds_is_told_as_not_looked_at_where_it_is_out_of_reach(doctor, no_hub):
    code, out, _ = doctor(yaml=f"{SOUND}dataset_name: org/set\n")
    assert code == 0
    assert "not looked at: org/set is not on this machine, and the hub is out of reach" in out
    assert "give its rows with --dataset FILE" in out
    code, out, _ = doctor(yaml=f"{SOUND}datasets:\n  - {{path: org/set}}\n")
    assert code == 0
    assert "not looked at: the mixture of org/set" in out
    code, out, _ = doctor(yaml="dataset_name: org/set\nnum_generations: 5\n")
    assert code == 1, "by the other findings"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.jsonl", b"", "empty.jsonl cannot be read: it is empty"),
        ("empty.csv", b"", "it is empty"),
        ("header.csv", b"prompt,mos\n", "header.csv"),
        ("bad.jsonl", b'{"prompt": \n', "bad.jsonl"),
        ("cut.parquet", b"PAR1", "cut.parquet"),
        ("latin.jsonl", '{"prompt": "é"}\n'.encode("latin-1"), "byte 0xe9 at offset 12, line 1; save it as UTF-8"),
        ("latin.csv", "prompt,mos\né,1\n".encode("latin-1"), "latin.csv is no UTF-8: byte 0xe9 at offset 11, line 2"),
        ("data.txt", b"prompt", "dataset must be a folder or a file of"),
    ],
)
def test_a_file_of_no_rows_is_told_on_one_line(name, content, told, doctor, tmp_path):
    (tmp_path / name).write_bytes(content)
    code, _, err = doctor("--dataset", name)
    assert code == 2
    assert told in err


def test_an_empty_set_and_a_folder_of_nothing_are_told_on_one_line(doctor, tmp_path):
    Dataset.from_dict(rows(0)).save_to_disk("none")
    Dataset.from_dict(rows(0)).to_parquet("none.parquet")
    (tmp_path / "void").mkdir()
    for name, told in (("none", "has it any rows?"), ("none.parquet", "none.parquet"), ("void", "void")):
        code, _, err = doctor("--dataset", name)
        assert code == 2
        assert told in err
