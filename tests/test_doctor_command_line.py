"""The doctor on the command line: what it reads, what it prints, what it exits with."""

import json
import subprocess
import sys

import pytest
from support.labelled_rows import rows

from tatar_rewards.cli import main


@pytest.mark.slow  # two processes
def test_the_command_line_reads_a_config_and_says_what_it_found(tmp_path):
    data, config = tmp_path / "train.jsonl", tmp_path / "run.yaml"
    data.write_text(
        "\n".join(json.dumps(dict(zip(rows(), row, strict=True))) for row in zip(*rows().values(), strict=True))
    )
    config.write_text("num_generations: 4\nper_device_train_batch_size: 32\nlearning_rate: 1.0e-6\nworld_size: 2\n")
    command = [sys.executable, "-m", "tatar_rewards", "doctor", config, "--dataset", data]
    sound = subprocess.run([*command, "--iaa-words", "100"], capture_output=True, text=True, check=False)
    assert (sound.returncode, sound.stdout[-15:]) == (0, "Nothing found.\n"), sound.stdout + sound.stderr
    ill = subprocess.run([*command, "--num-generations", "5"], capture_output=True, text=True, check=False)
    assert ill.returncode == 1
    assert "does not hold whole groups of 5" in ill.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        (["--dataset", "nowhere.csv"], "dataset must be a folder or a file of .json"),
        (["--reward-funcs", "tatar_rewards.presets.nothing"], "no attribute 'nothing'"),
        (["--reward-funcs", "nothing"], "as module.name; got 'nothing'"),
        (["--num-generations", "four"], "num_generations"),
        (["--mos-scale", "5", "1"], "low"),
    ],
)
def test_a_wrong_command_is_told_so(flags, message, capsys):
    if "--dataset" in flags:
        pytest.importorskip("datasets", reason="datasets is not installed")
    assert main(["doctor", *flags]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("module", "flags"), [("datasets", ["--dataset", "x.csv"]), ("yaml", [__file__])])
def test_a_library_that_is_not_installed_is_named(module, flags, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["doctor", *flags]) == 2
    assert 'pip install "tatar-rewards[recipe]"' in capsys.readouterr().err


def test_rewards_are_found_by_their_path(capsys):
    names = ["answer_format", "iaa_thurstone_rank"]
    assert main(["doctor", "--reward-funcs", *(f"tatar_rewards.presets.{name}" for name in names)]) == 0
    assert "rewards               answer_format, iaa_thurstone_rank" in capsys.readouterr().out
