"""How many mutants the tests kill, by module; `make mutants` runs it after mutmut. Fails below nine in ten."""

import subprocess
import sys
from collections import Counter

CAUGHT = {"killed", "timeout", "caught by type check", "segfault"}


def main() -> None:
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    results = [line.strip().rpartition(": ") for line in listed.splitlines() if ": " in line]
    modules = Counter(), Counter()
    for name, _, status in results:
        module = name.removeprefix("tatar_rewards.").partition(".")[0]
        for key in (module, "all"):
            modules[status in CAUGHT][key] += status != "not checked"
    survived, caught = modules
    print(f"{'module':<16}{'mutants':>9}{'killed':>9}{'share':>8}")
    for module in sorted(caught | survived, key=lambda name: (name == "all", name)):
        total = caught[module] + survived[module]
        print(f"{module:<16}{total:>9}{caught[module]:>9}{caught[module] / max(1, total):>8.1%}")
    sys.exit(0 if caught["all"] >= 0.9 * (caught["all"] + survived["all"]) > 0 else 1)


if __name__ == "__main__":
    main()
