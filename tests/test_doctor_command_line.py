"""The doctor on the command line: what it reads, what it prints, what it exits with."""

import json
import os
import re
import subprocess
import sys

import pytest
from support.labelled_rows import json_lines

from tatar_rewards.cli import main

for library in ("yaml", "datasets", "trl"):
    pytest.importorskip(library, reason=f"{library} is not installed")

TATAR = ["--reward-funcs", "tatar"]
SOUND = "num_generations: 4\nper_device_train_batch_size: 32\n"


@pytest.mark.slow  # two processes
def test_the_command_line_reads_a_config_and_says_what_it_found(tmp_path):
    data, config = tmp_path / "train.jsonl", tmp_path / "run.yaml"
    data.write_text(json_lines())
    config.write_text(f"{SOUND}learning_rate: 1.0e-6\nworld_size: 2\n")
    command = [sys.executable, "-m", "tatar_rewards", "doctor", config, "--dataset", data]
    sound = subprocess.run([*command, *TATAR, "--iaa-words", "100"], capture_output=True, text=True, check=False)
    assert (sound.returncode, sound.stdout[-15:]) == (0, "Nothing found.\n"), sound.stdout + sound.stderr
    ill = subprocess.run([*command, "--num-generations", "5"], capture_output=True, text=True, check=False)
    assert ill.returncode == 1
    assert "does not hold whole groups of 5" in ill.stdout


def test_everything_is_there_as_json(doctor):
    code, out, _ = doctor("--dataset", "train.jsonl", *TATAR, "--iaa-words", "100", "--json", yaml=SOUND)
    sound = json.loads(out)
    assert (code, sound["ok"], sound["findings"]) == (0, True, [])
    assert sound["facts"]["completions per call"] == "32 on each process"
    code, out, _ = doctor("--dataset", "train.jsonl", "--num-generations", "5", "--json", yaml=SOUND)
    ill = json.loads(out)
    assert (code, ill["ok"]) == (1, False)
    assert all(sorted(finding) == ["check", "cure", "kind", "problem"] for finding in ill["findings"])
    assert any("whole groups of 5" in finding["problem"] for finding in ill["findings"])


@pytest.mark.slow  # a process
def test_a_reader_that_goes_away_leaves_no_trace(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tatar_rewards", "doctor", "--num-generations", "5"]
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    os.close(writer)
    assert (run.returncode, run.stderr) == (141, "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        (["--dataset", "nowhere.csv"], "dataset must be a folder or a file of .json"),
        (["--dataset", "./nowhere"], "dataset must be a folder or a file of .json"),
        (["--reward-funcs", "tatar_rewards.presets.nothing"], "no attribute 'nothing'"),
        (["--reward-funcs", "nothing"], "as module.name; got 'nothing'"),
        (["--num-generations", "four"], "num_generations: must be a whole number; got"),
        (["--reward-weights", "one"], "reward_weights.0: must be a number; got"),
        (["--mos-scale", "5", "1"], "mos_scale must have two finite numbers LOW < HIGH; got 5 1"),
        (["--mos-scale", "nan", "1"], "mos_scale must have two finite numbers LOW < HIGH; got nan 1"),
        (
            ["--mos-scale-of", "AVA", "one", "10"],
            "mos_scale_of AVA must have two finite numbers LOW < HIGH; got one 10",
        ),
        (["--mos-scale-of", "AVA", "1", "10"] * 2, "mos_scale_of AVA is given twice; give it once"),
        (["--mos-scale-of", "AVA", "1", "9", "--lower-is-better-of", "AWA"], "of AWA: no scale is given for that data"),
        (["--answer-scale", "5", "5"], "answer_scale must have two finite numbers LOW < HIGH; got 5 5"),
        (["--world-size", "0"], "world_size must be at least 1; got 0"),
        (
            ["--reward-funcs", "think_format_reward", "--mos-scale", "1", "5"],
            "think_format_reward has its own; set it there, and leave mos_scale out",
        ),
        (["--chat-template", "nowhere.jinja"], "chat_template must be a file"),
        (["--model", "org/model"], "model must be the folder of a model"),
        ([*TATAR, "--iqa-words", "-5"], "iqa_words must lie in [0, 1e+15] or be inf; got -5"),
        ([*TATAR, "--iaa-words", "nan"], "iaa_words must lie in [0, 1e+15]; got nan"),
        (["--mos-std-column", "sd", "--raters", "nan"], "raters: must be a number; got nan"),
        (["--reward-funcs", "foo.bar"], "No module named 'foo'; module.name is looked up in installed modules and in"),
        (["--reward-funcs", "tatar_rewards.preset.mr_iqa"], "did you mean 'tatar_rewards.presets.mr_iqa'?"),
    ],
)
def test_a_wrong_command_is_told_so(flags, message, doctor):
    code, _, err = doctor(*flags)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(("module", "flags"), [("datasets", ["--dataset", "x.csv"]), ("yaml", [__file__])])
def test_a_library_that_is_not_installed_is_named(module, flags, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["doctor", *flags]) == 2
    assert 'pip install "tatar-rewards[recipe]"' in capsys.readouterr().err


def test_the_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    told = capsys.readouterr().out
    for code in ("0  no fault was found", "1  there are faults", "2  the command was wrong"):
        assert code in told


# ---------------------------------------------------------------- files of settings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "run.yaml must hold a mapping of settings; got nothing"),
        (b"- 1\n- 2\n", "got list"),
        (b"a: [1\n", "run.yaml: while parsing a flow sequence"),
        (b"a: !!python/object:os.system {}\n", "could not determine a constructor"),
        (b"a: \xe9\n", "run.yaml is no UTF-8: byte 0xe9 at offset 3, line 1; save it as UTF-8"),
        (b"{[1, 2]: 3}\n", "run.yaml: "),
        ("[" * 5000 + "]" * 5000, "run.yaml is nested too deeply"),
        (
            "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 30))]),
            "aliases expand to over",
        ),
        (b"a: &a [*a]\n", "aliases expand to over"),
        (b"out: x\ndata: {}\ngrpo: {}\n", "is a config of the recipe"),
        (b"reward_funcs: 5\n", "reward_funcs must be a list of import paths; got 5"),
        (b"eval_strategy: no\n", "write 'no' with quotes"),
        (b"think_prefilled: 7\n", "think_prefilled must be true or false; got 7"),
        (b"mos_scale: 5\n", "mos_scale must have two finite numbers LOW < HIGH; got 5"),
        (b"datasets: 5\n", "datasets must be a list of mappings with a path each; got 5"),
        (b"dataset: 5\n", "dataset must be the path of a file or folder"),
        (b"world_size: [1]\n", "world_size must be a whole number of processes; got [1]"),
    ],
)
def test_a_file_that_is_none_of_settings_is_told_on_one_line(content, message, doctor, tmp_path):
    (tmp_path / "run.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, _, err = doctor("run.yaml")
    assert code == 2
    assert message in err


def test_json_is_read_too_and_its_mistakes_are_told(doctor, tmp_path):
    (tmp_path / "run.json").write_text('{"num_generations": 4, "per_device_train_batch_size": 32}')
    assert doctor("run.json")[0] == 0
    (tmp_path / "run.json").write_text('{"num_generations": 4,')
    assert "run.json: Expecting property name" in doctor("run.json")[2]


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("num_generation", "num_generations"),
        ("max_completion_len", "max_completion_length"),
        ("num-generations", "num_generations"),  # the trainer's own parser knows no dashes
        ("reward_weight", "reward_weights"),
        ("dataset_nam", "dataset_name"),
        ("mos_scales", "mos_scale"),
    ],
)
def test_a_misspelt_key_is_a_fault_that_names_the_right_one(key, nearest, doctor):
    code, out, _ = doctor(yaml=f"{SOUND}{key}: 4\n".replace("num_generations: 4\n" * (key == "num-generations"), ""))
    assert code == 1
    assert f"run.yaml sets {key!r}" in out
    assert f"did you mean {nearest!r}" in out


def test_keys_of_trl_its_launcher_and_the_doctor_are_known_and_others_are_worth_a_word(doctor):
    known = "learning_rate: 1e-6\nenv: {A: b}\nlora_r: 16\nuse_peft: true\nmixed_precision: bf16\nnum_processes: 2\n"
    code, out, _ = doctor(yaml=f"{SOUND}{known}mos-scale: [1, 5]\ntest_split_size: 0.1\n")
    assert (code, "Nothing found in the settings; give the data too (--dataset)." in out) == (0, True), out
    assert re.search(r"processes +2\b", out), "as the launcher starts them"
    code, out, _ = doctor(yaml=f"{SOUND}zzz_of_mine: 1\n")
    assert code == 0
    assert "run.yaml sets 'zzz_of_mine'" in out


def test_without_trl_the_report_says_that_keys_were_not_all_checked(doctor, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    code, out, _ = doctor(yaml=f"{SOUND}learning_rate: 1\n")
    assert code == 0
    assert "not all checked: TRL is not installed" in out
    assert doctor(yaml="num_generation: 4\n")[0] == 1


def test_the_launchers_own_file_tells_the_processes(doctor, tmp_path):
    assert "processes             8" in doctor(yaml=f"{SOUND}accelerate_config: zero3\n")[1]
    (tmp_path / "mine.yaml").write_text("num_processes: 3\n")
    assert "processes             3" in doctor(yaml=f"{SOUND}config_file: mine.yaml\n")[1]
    assert "processes             4" in doctor("--world-size", 4, yaml=f"{SOUND}config_file: mine.yaml\n")[1]
