"""Which versions of TRL the callables work with: the trainer tests in an environment of each.

    python tools/trl_matrix.py [VERSION ...]

Makes `.venv-trl/VERSION` for each (a few minutes the first time) and prints a table.
"""

import subprocess
import sys
import venv
from pathlib import Path
from xml.etree import ElementTree

VERSIONS = ("1.0.0", "1.9.2", "1.15.0", "1.16.0")  # the oldest that is supported, two between, the latest
ROOT = Path(__file__).parents[1]
TESTS = (
    "tests/test_trainer.py",
    "tests/test_two_trainers.py",
    "tests/test_rewards.py",
    "tests/test_rewards_one_by_one.py",
    "tests/test_rewards_recipe.py",
    "tests/test_completions.py",
    "tests/test_hack_detector.py",
    "tests/test_memory.py",
)
NEEDED = (
    "pytest",
    "hypothesis",
    "array-api-strict",
    "pillow",
    "scikit-image",
    "jinja2",
    "datasets",
    "accelerate",
    "openai",
)


def set_up(version: str) -> Path:
    """An environment with that TRL, and everything else as in constraints.txt."""
    folder = ROOT / ".venv-trl" / version
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        pins = folder / "constraints.txt"
        pins.write_text("\n".join(line for line in lines if not line.startswith("trl==")))
        install = [python, "-m", "pip", "install", "--quiet", "--constraint", pins]
        subprocess.run([*install, "torch"], check=True)
        # TRL up to 1.8 imports requests without asking for it
        subprocess.run([*install, f"trl=={version}", "requests", *NEEDED, "--editable", ROOT], check=True)
        (folder / "ready").touch()
    return python


def run_tests(version: str) -> tuple[dict[str, int], list[str]]:
    """Counts of passed, failed and skipped tests, and what failed or was skipped, with the reason."""
    python, results = set_up(version), ROOT / ".venv-trl" / f"{version}.xml"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}", *TESTS]
    subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    counts, remarks = {"passed": 0, "failed": 0, "skipped": 0}, []
    for case in ElementTree.parse(results).iter("testcase"):
        skipped, failed = case.find("skipped"), case.find("failure")
        failed = case.find("error") if failed is None else failed
        kind = "skipped" if skipped is not None else "failed" if failed is not None else "passed"
        counts[kind] += 1
        if kind != "passed":
            told = failed if skipped is None else skipped
            said = [*(told.get("message") or "").splitlines(), *(told.text or "").splitlines()]
            said = said[1:] if said[0] == "collection skipped" else said  # the reason comes next
            remarks.append(f"{kind}: {case.get('name')}: {said[0]}")
    return counts, remarks


def main() -> None:
    every_remark, failures = [], 0
    print("| TRL | passed | failed | skipped |\n|---|---|---|---|", flush=True)
    for version in sys.argv[1:] or VERSIONS:
        counts, remarks = run_tests(version)
        print(f"| {version} | {counts['passed']} | {counts['failed']} | {counts['skipped']} |", flush=True)
        every_remark += [f"{version} {remark}" for remark in remarks]
        failures += counts["failed"] + (counts["passed"] == 0)
    print("\n".join(["", *every_remark]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
