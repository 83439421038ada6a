"""The adapters against the real code of the frameworks that they serve, each at the commit that was read.

    python tools/frameworks.py [FOLDER]

Fetches the commits into FOLDER (`.frameworks`), a few minutes the first time, and runs `tests/adapters` on them. The
frameworks are not installed: the tests take from their files what loads and calls a reward.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMITS = {
    "ms-swift": ("modelscope/ms-swift", "3602360a562313afbf2ef6065fdf61f271a2c5b9"),
    "EasyR1": ("hiyouga/EasyR1", "b44b311b669bf1fd1aa2fc36f2251482ba33cb16"),
    "verl": ("verl-project/verl", "1dda039b9c6311889a9c9a26040677e1254814f9"),
    "OpenRLHF": ("OpenRLHF/OpenRLHF", "3c3be6234e0cb353e76bb8019947db9dfe99fca7"),
    "slime": ("THUDM/slime", "624b824a898ab0ec1fcb4d373004c7f3852bf515"),
    "verifiers": ("PrimeIntellect-ai/verifiers", "a60a606ecc4d309247edf9ff92c3eabca362781f"),
    "axolotl": ("axolotl-ai-cloud/axolotl", "067b021c8b87a9e5e380b9173c704cf7340e30f5"),
}


def fetch(folder: Path, repository: str, commit: str) -> None:
    """A checkout of that commit and of nothing else."""
    done = folder / ".git" / "fetched"
    if done.exists() and done.read_text() == commit:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for command in (
        ["init", "--quiet"],
        ["fetch", "--quiet", "--depth", "1", f"https://github.com/{repository}", commit],
        ["checkout", "--quiet", "--force", "FETCH_HEAD"],
    ):
        subprocess.run(["git", "-C", folder, *command], check=True)
    done.write_text(commit)


def main() -> None:
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / ".frameworks"
    for name, (repository, commit) in COMMITS.items():
        print(f"{name} {commit[:7]}", flush=True)
        fetch(folder / name, repository, commit)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "tests/adapters"]
    environment = os.environ | {"TATAR_FRAMEWORKS": str(folder)}
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
