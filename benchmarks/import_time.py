"""What does `import tatar_rewards` cost, and what does it load?

python benchmarks/import_time.py
"""

import statistics
import subprocess
import sys

MEASURE = """
import sys, time
start = time.perf_counter()
import tatar_rewards
seconds = time.perf_counter() - start
heavy = {"torch", "trl", "transformers", "datasets", "pandas", "scipy.stats"} & set(sys.modules)
print(seconds, ",".join(sorted(heavy)) or "nothing")
"""


def main() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(10)
    ]
    seconds = statistics.median(float(run[0]) for run in runs[1:])
    print(f"import tatar_rewards: {seconds:.2f} s, median of 9; heavy modules loaded: {runs[0][1]}")
    traced = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import tatar_rewards"], check=True, capture_output=True, text=True
    ).stderr
    rows = [line.removeprefix("import time:").split("|") for line in traced.splitlines()[1:]]
    print("most of it, in milliseconds with all that each imports (traced, which is slower):")
    for _, microseconds, name in sorted(rows, key=lambda row: -int(row[1]))[:8]:
        print(f"{int(microseconds) / 1e3:8.0f}  {name.strip()}")


if __name__ == "__main__":
    main()
