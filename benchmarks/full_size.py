"""One GPU trains Qwen2.5-VL at its full size: seconds a step and peak memory of SFT and GRPO. The weights are random.

    python benchmarks/full_size.py                              # 3B with adapters; a card with 24 GB is enough
    python benchmarks/full_size.py --size tiny --device cpu     # a rehearsal on the host

Everything but the model, the data and the number of steps is as `examples/configs/qwen2_5_vl_3b_lora_1gpu.yaml` has it.
The process may take 24 GB of the card, so a larger card shows whether a smaller one would do. A random model never ends
its answer, so GRPO's steps take as long as the longest answers allow. Needs no network.
"""

import argparse
import gc
import json
import os
import runpy
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image
from transformers import TrainerCallback

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "examples" / "configs" / "qwen2_5_vl_3b_lora_1gpu.yaml"
OUT = ROOT / "runs" / "full_size"
STEPS = {"grpo": 3, "sft": 4}
PIXELS = {"cuda": (1024, 768), "cpu": (128, 96)}  # those of KonIQ-10k, which the limit of the configuration allows
GB = 1e9


def make_model(size: str, device: str) -> Path:
    """A checkpoint of random weights."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples"), str(ROOT / "src")]
    from architectures.models import make_qwen2_5_vl

    folder = OUT / f"model_{size}"
    if not folder.exists():
        unfinished = folder.with_suffix(".part")
        with torch.device(device):
            make_qwen2_5_vl(unfinished, size)
        unfinished.rename(folder)
        gc.collect()
        torch.cuda.empty_cache()  # the stages are processes of their own
    return folder


def write_pictures(pixels: tuple[int, int], count: int = 32) -> list[str]:
    """Pictures, labels and rationales; returns the changes of the configuration that name them."""
    sets, rng = yaml.safe_load(CONFIG.read_text())["data"]["sft"], np.random.default_rng(0)
    changes, rationales = [f"rationales.file={OUT}/rationales.jsonl", "rationales.notes=null"], []
    for number, spec in enumerate(sets):
        folder, (low, high) = OUT / spec["name"], spec["scale"]
        folder.mkdir(exist_ok=True)
        labels = []
        for k in range(count):
            cells = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(cells).resize(pixels).save(folder / f"{k}.jpg")
            labels.append({"image": f"{k}.jpg", "gt_score": round(float(rng.uniform(low, high)), 3)})
            words = "The picture has soft edges and even light. " * (6 if spec["task"] == "iqa" else 22)
            rationales.append({"task": spec["task"], "dataset": spec["name"], "image": f"{k}.jpg", "text": words})
        (folder / "labels.json").write_text(json.dumps(labels))
        for stage in ("sft", "grpo"):
            changes += [f"data.{stage}.{number}.labels={folder}/labels.json", f"data.{stage}.{number}.images={folder}"]
    (OUT / "rationales.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rationales))
    return changes


def run_stage(stage: str, memory: float, flags: list[str]) -> None:
    """The stage's own script in this process; it ends after training with what it took of time and of the card."""
    from transformers import Trainer
    from trl import GRPOTrainer

    spent: list[float] = []
    generate, train = GRPOTrainer._generate_single_turn, Trainer.train

    def timed_generation(*args, **settings):
        start = now()
        result = generate(*args, **settings)
        spent.append(now() - start)
        return result

    def measured_training(trainer, *args, **settings):
        trainer.add_callback(starts)
        train(trainer, *args, **settings)
        figures = {"generation": spent, "steps": starts.between(), "log": trainer.state.log_history}
        if torch.cuda.is_available():
            figures |= {"allocated": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}
        (OUT / f"{stage}.json").write_text(json.dumps(figures))
        raise SystemExit(0)  # the model is not wanted

    starts = Starts()
    GRPOTrainer._generate_single_turn, Trainer.train = timed_generation, measured_training
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory * GB / card))
    script = ROOT / "examples" / f"train_{stage}.py"
    sys.argv, sys.path[0] = [str(script), *flags], str(script.parent)
    runpy.run_path(str(script), run_name="__main__")


def now() -> float:
    """Seconds, when the card has done all that it was asked to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


class Starts(TrainerCallback):
    """When each step of a training began."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_begin(self, *_, **__) -> None:
        self.times.append(now())

    on_train_end = on_step_begin

    def between(self) -> list[float]:
        return [later - sooner for sooner, later in zip(self.times, self.times[1:], strict=False)]


def describe(stage: str) -> str:
    """One line: memory, and the median seconds of a step after the first."""
    figures = json.loads((OUT / f"{stage}.json").read_text())
    text = f"{stage.upper()}: "
    if "allocated" in figures:
        text += f"{figures['allocated'] / GB:.1f} GB at the peak ({figures['reserved'] / GB:.1f} GB reserved), "
    text += f"{statistics.median(figures['steps'][1:]):.1f} s a step of "
    if stage == "sft":
        return text + "32 pictures"
    tokens = [row["completions/mean_length"] for row in figures["log"] if "completions/mean_length" in row]
    seconds, each = figures["generation"], len(figures["generation"]) // len(figures["steps"])
    writing = statistics.median(sum(seconds[k : k + each]) for k in range(each, len(seconds), each))
    text += f"16 pictures with 4 answers of {statistics.mean(tokens):.0f} tokens"
    return f"{text}, {writing:.1f} s of it to write them in {each} generations"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "3b"], default="3b")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--memory", type=float, default=24.0, help="GB of the card that the process may take")
    parser.add_argument("--stage", choices=[*STEPS], help=argparse.SUPPRESS)
    options, flags = parser.parse_known_args()
    if flags and not options.stage:
        parser.error(f"unknown arguments {' '.join(flags)}")
    if options.stage:
        run_stage(options.stage, options.memory, flags)
        return
    shutil.rmtree(OUT / "run", ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    model, changes, run = make_model(options.size, options.device), write_pictures(PIXELS[options.device]), OUT / "run"
    changes += [f"out={run}", f"model.path={model}", "data.test=[]"]
    for stage, steps in STEPS.items():
        changes += [f"{stage}.args.max_steps={steps}", f"{stage}.args.logging_steps=1"]
        changes += [f"{stage}.args.save_strategy=no", f"{stage}.args.report_to=none"]
        changes += [f"{stage}.args.use_cpu=true"] if options.device == "cpu" else []
    config = json.loads((model / "config.json").read_text())
    of_pictures = [config[f"{name}_token_id"] for name in ("image", "video")]  # which no trained model writes
    changes += [f"grpo.args.generation_kwargs={{suppress_tokens: {of_pictures}}}"]
    changes += ["grpo.args.max_completion_length=24", "grpo.doctor=warn"] if options.size == "tiny" else []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    for stage in STEPS:
        wanted = ["sft=null", *(c for c in changes if not c.startswith("sft."))] if stage == "grpo" else changes
        command = [sys.executable, __file__, "--stage", stage, "--memory", str(options.memory)]
        command += ["--config", str(CONFIG), "--set", *wanted]
        (OUT / f"{stage}.json").unlink(missing_ok=True)
        with (OUT / f"{stage}.log").open("w") as log:
            code = subprocess.call(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        if code:
            raise SystemExit(f"{stage} ended with code {code}:\n" + (OUT / f"{stage}.log").read_text()[-3000:])
        print(describe(stage), flush=True)


if __name__ == "__main__":
    main()
