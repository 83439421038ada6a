"""What the package promises as a whole: names, weight, who may import whom, sizes, documentation."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

import tatar_rewards

SOURCE = Path(tatar_rewards.__file__).parent
ROOT = Path(__file__).parents[1]
MODULES = sorted(SOURCE.rglob("*.py"))

# Who may import whom: one line a wing, from the ground up. A wing may import itself.
MAY_IMPORT = {
    "scales": {"wording"},
    "wording": set(),
    "metrics": set(),
    "distributed": set(),
    "findings": {"metrics", "scales", "wording"},
    "functional": set(),
    "hacks": {"answers"},
    "answers": {"scales"},
    "rewards": {"scales", "metrics", "distributed", "findings", "functional", "answers", "wording"},
    "presets": {"rewards", "scales", "wording"},
    "panels": set(),
    "predictions": {"scales", "wording"},
    "evaluation": {"answers", "findings", "metrics", "panels", "predictions", "scales"},
    "doctor": {
        "adapters",
        "distributed",
        "findings",
        "panels",
        "predictions",
        "presets",
        "rewards",
        "scales",
        "wording",
    },
    "adapters": {"distributed", "hacks", "presets", "rewards"},
    "testing": {"rewards", "scales", "wording"},
    "explain": {"answers", "functional", "rewards", "scales"},
    "scoring": {"answers", "findings", "hacks", "metrics", "predictions", "rewards", "scales", "testing", "wording"},
    "cli": {
        "doctor",
        "evaluation",
        "explain",
        "findings",
        "predictions",
        "presets",
        "rewards",
        "scales",
        "scoring",
        "wording",
    },
    "__main__": {"cli"},
    "__init__": {"answers", "doctor", "evaluation", "functional", "hacks", "presets", "rewards", "scales"},
}


def wing_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_wings(path):
    wings = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            wings |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tatar_rewards.")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            package, *rest = node.module.split(".")
            if package == "tatar_rewards":
                wings |= {rest[0]} if rest else {alias.name for alias in node.names}
    return wings


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_each_module_imports_only_the_wings_that_its_own_may(path):
    wing = wing_of(path)
    assert imported_wings(path) <= MAY_IMPORT[wing] | {wing}


def test_no_rule_about_imports_is_out_of_date():
    assert {wing_of(path) for path in MODULES} == set(MAY_IMPORT)
    for wing, may in MAY_IMPORT.items():
        used = set().union(*(imported_wings(path) for path in MODULES if wing_of(path) == wing)) - {wing}
        assert used == may, wing


def test_two_modules_know_array_libraries_and_only_adapters_know_a_trainer():
    for path in MODULES:
        text = path.read_text()
        if path.stem not in ("_arrays", "_special"):
            assert "import torch" not in text, path.name
            assert ".cpu()" not in text, path.name
            assert ".item()" not in text, path.name
        if wing_of(path) != "adapters":
            assert "import transformers" not in text, path.name
            assert "from transformers" not in text, path.name
            assert "import trl" not in text, path.name


# ---------------------------------------------------------------- sizes

PYTHON = [*MODULES]
PYTHON += [path for folder in ("examples", "tools", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]


def lines_of_bodies(path):
    """Lines of each function without its docstring, by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield node.name, node.body[-1].end_lineno - first.lineno + 1


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    lines = len(path.read_text().splitlines())
    assert lines <= 250, (
        f"{path.name} has {lines} lines, over 250: move a part that has a name of its own to a new file"
    )
    long = {name: lines for name, lines in lines_of_bodies(path) if lines > 40}
    if "tests" not in path.relative_to(ROOT).parts:  # there, tables of cases and oracles may be long
        assert not long, f"{path.name}: functions over 40 lines: {long}; give a part of each a name and a function"


def test_most_functions_are_shorter_than_ten_lines():
    assert median(lines for path in PYTHON if "tests" not in path.parts for _, lines in lines_of_bodies(path)) < 10


# ---------------------------------------------------------------- public names


def test_the_public_names_are_importable_sorted_and_documented():
    assert list(tatar_rewards.__all__) == sorted(
        tatar_rewards.__all__, key=lambda n: (not n.isupper(), n[0].islower() or n[0] == "_", n)
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
        "import sys; import tatar_rewards; "
        "heavy = {'torch', 'trl', 'transformers', 'datasets', 'scipy.stats', 'pandas'} & set(sys.modules); "
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_documentation_names_every_function_and_reward():
    readme, api = (ROOT / "README.md").read_text(), (ROOT / "docs" / "api.md").read_text()
    for name in tatar_rewards.__all__:
        public = getattr(tatar_rewards, name)
        if name.endswith("_reward"):
            assert f"`{name}`" in readme, f"add {name} to README's table of rewards"
        if name.endswith("_reward") or name.endswith("Reward"):
            module = public.__module__
            assert module in api or f"tatar_rewards.{name}" in api, f"add {module} to docs/api.md"


def test_the_lists_of_rewards_in_the_tests_leave_none_out():
    from support.reward_calls import EVERY_REWARD
    from test_configs import PAIRS
    from test_settings_and_state import KINDS

    rewards = {getattr(tatar_rewards, name) for name in tatar_rewards.__all__ if name.endswith("Reward")}
    functions = {getattr(tatar_rewards, name) for name in tatar_rewards.__all__ if name.endswith("_reward")}
    assert {type(reward) for reward in EVERY_REWARD} == rewards, "EVERY_REWARD in tests/support/reward_calls.py"
    assert set(KINDS) == rewards, "KINDS in tests/test_settings_and_state.py"
    without_settings = {tatar_rewards.win_rate_reward}
    assert {function for _, function in PAIRS} == functions - without_settings, "PAIRS in tests/test_configs.py"


def test_the_changelog_names_every_public_name():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert [name for name in tatar_rewards.__all__ if f"`{name}`" not in changelog] == []
