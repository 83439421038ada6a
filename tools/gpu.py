"""All that needs a GPU, in minutes: CUDA tests, the rewards' speed, the gather over nccl, and the recipe in bfloat16.

    python tools/gpu.py                    # a summary of one page goes to runs/gpu/summary.md
    python tools/gpu.py --device cpu       # a rehearsal
    python tools/gpu.py --only tests       # some parts; --help names them

Needs torch with CUDA, and what the recipe needs; no network. `benchmarks/README.md` has the page of the last run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "runs" / "gpu"
CUDA_TESTS = ["cuda", "forecast", "lengths", "ranking_extremes", "ranking_formula", "scores", "win_rate"]


def run(command, log):
    """The command's output, which also goes to a file, and whether it ended well."""
    folders = os.pathsep.join(str(ROOT / name) for name in ("src", "examples", "benchmarks"))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([folders, os.environ.get("PYTHONPATH", "")]),
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (OUT / f"{log}.log").write_text(done.stdout)
    return done.stdout.strip().splitlines(), done.returncode == 0


def run_tests(device):
    files = [f"tests/test_{name}.py" for name in CUDA_TESTS]
    lines, fine = run(["-m", "pytest", "-q", "-k", "cuda" if device == "cuda" else "kernels", *files], "tests")
    return [line for line in lines if line.startswith(("FAILED", "ERROR"))][:20] + lines[-1:], fine


def run_rewards(device):
    return run(["benchmarks/gpu.py", "--device", device], "rewards")


def run_gather(device):
    return run(["benchmarks/gather_cuda.py", "--device", device], "gather")


def run_recipe(device):
    """The tiny recipe, on the device in bfloat16; on the host a few steps of it."""
    out = OUT / "recipe"
    if device == "cuda":
        changes = {f"{part}.args.{name}": value for part in ("sft", "grpo") for name, value in ON_DEVICE.items()}
    else:
        changes = {"data.make": "{sft: 600, grpo: 480, test: 200}", "model.make": "{vision_tower_steps: 50}"}
        changes |= {"sft.args.max_steps": "20", "grpo.args.max_steps": "2", "grpo.args.save_steps": "1"}
    changes["grpo.args.logging_steps"] = "1"
    lines, fine = run(
        ["examples/train_tatar.py", "--out", out, "--set", *(f"{name}={value}" for name, value in changes.items())],
        "recipe",
    )
    if not fine:
        return lines[-20:], fine
    return steps_of(out), fine


ON_DEVICE = {"use_cpu": "false", "bf16": "true"}


def steps_of(out):
    """Seconds a step of GRPO, what the rewards take of it, and the recipe's table."""
    log = json.loads((out / "grpo" / "log.json").read_text())
    seconds = statistics.median(row["step_time"] for row in log if "step_time" in row)
    reward = reward_seconds()
    return [
        f"GRPO, 64 pictures with 4 completions: {seconds:.2f} s a step (median); TATAR's rewards take "
        f"{1e3 * reward:.1f} ms on the host: {reward / seconds:.2%}",
        *(out / "table.txt").read_text().strip().splitlines(),
    ]


def reward_seconds():
    """Median seconds of the default rewards for 256 completions, with parsing and log hooks."""
    code = (
        "import time, statistics, numpy as np\n"
        "from step import make_step\n"
        "from tatar_rewards import tatar_reward_funcs\n"
        "rng, rewards, spent = np.random.default_rng(0), tatar_reward_funcs(), []\n"
        "for _ in range(12):\n"
        "    step = make_step(rng, 256, 0, words=40)\n"
        "    start = time.perf_counter()\n"
        "    [reward(**step) for reward in rewards]\n"
        "    spent.append(time.perf_counter() - start)\n"
        "print(statistics.median(spent[2:]))\n"
    )
    return float(run(["-W", "ignore", "-c", code], "reward_seconds")[0][-1])


PARTS = {"tests": run_tests, "rewards": run_rewards, "gather": run_gather, "recipe": run_recipe}


def about(device):
    import torch
    import transformers
    import trl

    name = torch.cuda.get_device_name() if device == "cuda" else "the host, a rehearsal"
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, trl {trl.__version__}"
    return f"{name}; {versions}; Python {sys.version.split()[0]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    page, all_fine = [f"On {about(options.device)}.", ""], True
    for name in options.only:
        start = time.perf_counter()
        lines, fine = PARTS[name](options.device)
        all_fine &= fine
        head = f"{name}: {'fine' if fine else 'FAILED'}, {time.perf_counter() - start:.0f} s"
        page += [head, "", "```text", *lines, "```", ""]
        print("\n".join([head, *lines, ""]), flush=True)
        (OUT / "summary.md").write_text("\n".join(page))
    sys.exit(not all_fine)


if __name__ == "__main__":
    main()
