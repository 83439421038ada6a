"""What the package promises as a whole: names, weight, layers, documentation."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tatar_rewards

SOURCE = Path(tatar_rewards.__file__).parent
MAY_IMPORT = {
    "_arrays": set(),
    "parsing": {"scales"},
    "scales": set(),
    "scores": {"_arrays"},
    "_smooth": {"_arrays"},
    "_pairs": {"_arrays", "_smooth"},
    "ranking": {"_arrays", "_pairs"},
    "lengths": {"_arrays"},
    "metrics": set(),
    "configs": {"ranking", "scales"},
    "_batches": {"configs", "lengths", "parsing", "scales"},
    "distributed": set(),
    "memory": set(),
    "_opponents": {"_batches", "configs", "distributed", "memory"},
    "_figures": {"metrics"},
    "_grading": {"_batches", "_figures", "_findings", "_opponents", "configs", "distributed"},
    "evaluation": {"_batches", "_findings", "metrics", "parsing", "scales"},
    "presets": {"configs", "trl"},
    "_alarms": {"configs"},
    "callbacks": {"_alarms", "configs", "trl"},
    "_findings": set(),
    "_probes": {"_batches", "_findings", "configs", "distributed", "scales"},
    "_check_training": {"_findings", "_probes", "configs"},
    "_check_data": {"_findings", "configs", "scales"},
    "doctor": {"_check_data", "_check_training", "_findings", "_probes"},
}


def imported_modules(path):
    tree = ast.parse(path.read_text())
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tatar_rewards"):
            named = node.module.removeprefix("tatar_rewards").lstrip(".")
            modules |= {named} if named else {alias.name for alias in node.names}
    return modules


@pytest.mark.parametrize("module", sorted(MAY_IMPORT))
def test_each_module_imports_only_the_layers_below_it(module):
    assert imported_modules(SOURCE / f"{module}.py") <= MAY_IMPORT[module]


def test_only_the_array_module_knows_array_libraries():
    for path in SOURCE.glob("*.py"):
        text = path.read_text()
        if path.stem != "_arrays":
            assert "import torch" not in text, path.name
            assert ".cpu()" not in text, path.name
            assert ".item()" not in text, path.name


def test_the_public_names_are_importable_sorted_and_documented():
    assert list(tatar_rewards.__all__) == sorted(
        tatar_rewards.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n)
    )
    for name in tatar_rewards.__all__:
        public = getattr(tatar_rewards, name)
        if inspect.isclass(public) or inspect.isfunction(public):
            assert (public.__doc__ or "").strip(), name
        if inspect.isfunction(public):
            for section in ("Args:", "Returns:", "Raises:", "Examples:"):
                assert section in public.__doc__, f"{name} lacks {section}"


def test_the_import_is_light():
    code = (
        "import sys, time; start = time.perf_counter(); import tatar_rewards; "
        "seconds = time.perf_counter() - start; "
        "heavy = {'torch', 'trl', 'transformers', 'datasets', 'scipy.stats', 'pandas'} & set(sys.modules); "
        "print(seconds); sys.exit(repr(heavy) if heavy else 0)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False) for _ in range(5)]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    assert min(float(run.stdout) for run in runs) < 0.3


def test_the_changelog_names_every_public_name():
    changelog = (Path(__file__).parents[1] / "CHANGELOG.md").read_text()
    assert [name for name in tatar_rewards.__all__ if f"`{name}`" not in changelog] == []
