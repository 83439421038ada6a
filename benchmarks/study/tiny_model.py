"""Part 3: the tiny vision-language model learns from few rationales, then from many labels by each reward.

    python benchmarks/study/tiny_model.py --seeds 0 1 2 3 4            # hours; goes on where it was stopped
    python benchmarks/study/tiny_model.py --seeds 0 --contestants tatar --rates 1e-4 3e-4 --parts validation
    python benchmarks/study/tiny_model.py --contestants supervised --rates 3e-4 --scale-rewards none --args

Every run is the recipe itself, stage by stage: data, model and SFT once a seed, then GRPO with each list of rewards of
`tiny_rewards.py`, then eight sampled answers and a greedy one to each picture. `supervised` trains on with the same
labels as GRPO, for as many completions: the model's own thoughts, then the label. A line of results for each run
goes to benchmarks/study/results/tiny_model.jsonl.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from run import read_lines

from tatar_rewards import parse_answer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES, RESULTS = ROOT / "examples", HERE / "results" / "tiny_model.jsonl"
SUPERVISED = "supervised"


def run(script: str, config: Path, *flags: str, folder: Path = EXAMPLES) -> None:
    """A stage of the recipe, in a process of its own."""
    folders = os.pathsep.join([str(EXAMPLES), str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": folders, "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, str(folder / script), "--config", str(config), *flags]
    log = config.with_suffix(".log")
    with log.open("a") as file:
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if code:
        raise SystemExit(f"{script} ended with code {code}; see {log}")


def write_config(path: Path, settings: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def base_settings(seed: int, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The tiny recipe with few rationales, many labels and validation pictures."""
    settings: dict[str, Any] = yaml.safe_load((EXAMPLES / "configs" / "tiny.yaml").read_text())
    text = json.dumps(settings).replace("{out}", str(out))
    settings = json.loads(text)
    settings |= {"out": str(out), "seed": seed}
    settings["data"]["make"] = {"sft": 3000, "grpo": options.labels, "test": 500, "validation": 300}
    for one in settings["data"]["sft"]:
        one["limit"] = options.rationales
    validation = [{**one, "labels": one["labels"].replace("_test", "_validation")} for one in settings["data"]["test"]]
    settings["data"]["validation"] = validation
    settings["evaluation"] = {"batch_size": 200, "samples": 8, "max_new_tokens": 72, "resamples": 0}
    return settings


def figures(out: Path, stage: str, part: str) -> dict[str, Any]:
    """What an evaluation found, by task: greedy answers, one sample, the mean of samples."""
    file = out / "predictions" / f"{stage}{'' if part == 'test' else f'_{part}'}.json"
    found = json.loads(file.read_text())["datasets"]
    pictures = means_by_picture(file.with_suffix(".jsonl"))
    return {
        one["task"]: {
            "greedy": one["figures"],
            "one": one["samples"]["one"],
            "mean": one["samples"]["mean"],
            "spread": one["samples"]["spread"],
            "crps": one["samples"]["crps"],
            "read": one["samples"]["coverage"],
            **pictures[one["task"]],
        }
        for one in found
    }


def means_by_picture(predictions: Path) -> dict[str, dict[str, list[float | None]]]:
    """By task the MOS of each picture, in the order of their names, and the mean of its samples, in points."""
    answers: dict[tuple[str, str], tuple[float, list[float]]] = {}
    for line in predictions.read_text().splitlines():
        row = json.loads(line)
        if "sample" in row:
            _, said = answers.setdefault((row["task"], row["image_id"]), (row["mos"], []))
            score = parse_answer(row["completion"]).score
            said += [] if score is None else [score]
    columns: dict[str, dict[str, list[float | None]]] = {}
    for (task, _), (mos, said) in sorted(answers.items()):
        column = columns.setdefault(task, {"mos": [], "means": []})
        column["mos"].append(round(mos, 2))
        column["means"].append(round(sum(said) / len(said), 2) if said else None)
    return columns


def evaluate(config: Path, out: Path, stage: str, parts: list[str], results: Path, **about: Any) -> None:
    """Ask the model about each part, and append what comes out to the results."""
    for part in parts:
        run("evaluate_model.py", config, *(["--validation"] if part == "validation" else []))
        line = json.dumps({**about, "part": part, **figures(out, stage, part)})
        with results.open("a") as file:
            file.write(line + "\n")
        print(line[:100], flush=True)


def is_done(parts: list[str], **about: Any) -> bool:
    """Whether the results have a line of each part."""
    lines = read_lines(RESULTS)
    return all(any(line.items() >= {**about, "part": part}.items() for line in lines) for part in parts)


def train_start(seed: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Data, model and SFT of a seed, measured."""
    out = folder / f"seed{seed}"
    settings = base_settings(seed, out, options)
    config = write_config(folder / f"seed{seed}.yaml", settings)
    about = {"seed": seed, "name": "start", "rate": None, "scale_rewards": None}
    if not is_done(["test", "validation"], **about):
        run("train_tatar.py", config, "--only", "data", "model", "sft")
        evaluate(config, out, "sft", ["test", "validation"], options.results, **about)
    return settings


def train_on(start: dict[str, Any], name: str, rate: float, folder: Path, options: argparse.Namespace) -> None:
    """GRPO from the SFT model with the rewards of that name, or supervised training on the same labels."""
    seed = start["seed"]
    about = {"seed": seed, "name": name, "rate": rate, "scale_rewards": options.scale_rewards, "steps": options.steps}
    about |= dict(one.split("=") for one in options.args)
    about |= {} if options.device == "cpu" else {"device": options.device}
    parts = [part for part in options.parts if not is_done([part], **about)]
    if not parts:
        return
    out = folder / f"seed{seed}-{name}-{rate:g}-{options.scale_rewards}-{options.steps}"
    out = out.with_name("-".join([out.name, *options.args]))
    settings = json.loads(json.dumps(start)) | {"out": str(out)}
    settings["model"] |= {"path": f"{start['out']}/sft/model", "make": None}
    settings["data"]["make"] = None
    args = {"learning_rate": rate, "max_steps": options.steps, "save_strategy": "no"}
    args |= {"use_cpu": options.device == "cpu"}
    config = folder / f"{out.name}.yaml"
    if name == SUPERVISED:
        supervise(config, settings, args)
        evaluate(config, out, "sft", parts, options.results, **about)
        return
    settings |= {"sft": None, "rationales": None}
    more = {name: yaml.safe_load(value) for name, value in (one.split("=") for one in options.args)}
    settings["grpo"]["args"] |= {**args, "scale_rewards": options.scale_rewards, **more}
    settings["grpo"] |= {"reward_funcs": [f"tiny_rewards.{name}"], "doctor": "warn"}
    run("train_grpo.py", write_config(config, settings))
    evaluate(config, out, "grpo", parts, options.results, **about)


def supervise(config: Path, settings: dict[str, Any], args: dict[str, Any]) -> None:
    """Train on, with the labels of GRPO after the model's own thoughts, on as many pictures as GRPO sees."""
    grpo = settings["grpo"]["args"]
    pictures_a_step = grpo["per_device_train_batch_size"] // grpo["num_generations"]
    batch = settings["sft"]["args"]["per_device_train_batch_size"]
    steps = args["max_steps"] * pictures_a_step // batch
    settings["data"]["sft"] = settings["data"]["grpo"]
    settings["rationales"] |= {"file": f"{settings['out']}/own_thoughts.jsonl"}
    settings["sft"]["args"] |= {**args, "max_steps": steps, "warmup_steps": 5}
    run("own_thoughts.py", write_config(config, settings), folder=HERE)
    run("train_sft.py", config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--contestants", nargs="*", default=["recommended", "tatar"])
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-4])
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--scale-rewards", default="group", choices=["group", "batch", "none"])
    parser.add_argument("--rationales", type=int, default=300, help="pictures of each task that SFT learns from")
    parser.add_argument("--labels", type=int, default=1440, help="pictures of each task that rewards learn from")
    parser.add_argument("--parts", nargs="+", default=["test"], choices=["validation", "test"], help="of the data")
    parser.add_argument("--args", nargs="*", default=["loss_type=dapo"], help="more arguments of GRPO")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="that trains; in float32 on both")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file that a line of each run is appended to")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "study")
    options = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    for seed in options.seeds:
        start = train_start(seed, options.folder, options)
        for name in options.contestants:
            for rate in options.rates:
                train_on(start, name, rate, options.folder, options)


if __name__ == "__main__":
    main()
