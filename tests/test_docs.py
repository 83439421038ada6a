"""Every block of Python in docs/ runs, and prints what the page shows; curves and links are those of today."""

import re
import shlex
import subprocess
import sys
import warnings
from importlib import metadata, util
from pathlib import Path

import draw_curves
import pytest
from support.doc_blocks import blocks_of, run_page

from tatar_rewards import AnswerFormatReward, LengthReward, ThurstoneRankReward, scheduled

DOCS = Path(__file__).parents[1] / "docs"
WITH_CODE = [page for page in sorted(DOCS.glob("*.md")) if blocks_of(page.read_text())]
TRAINER = re.compile(r"^from (trl|tatar_rewards\.adapters\.trl) import", re.M)  # takes seconds to import


def marked(page):
    slow = TRAINER.search(page.read_text()) is not None
    return pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("page", [marked(page) for page in WITH_CODE])
def test_the_blocks_of_a_page_run_and_print_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a page may show what is warned of
        run_page(page, in_full=False)


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_no_block_of_a_page_is_passed_over(page):
    text = page.read_text()
    assert len(blocks_of(text)) == text.count("```python")
    for block in blocks_of(text):
        for mark, reason in block.marks.items():
            assert mark in ("not run", "in tests", "digits differ"), f"{page.name}, line {block.line}: {mark!r}"
            assert len(reason) > 8, f"{page.name}, line {block.line}: give a reason"


def test_a_page_whose_output_is_another_one_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    with pytest.raises(AssertionError, match=re.escape("page.md, line 2: the page shows another output")):
        run_page(page, in_full=False)


def test_every_page_is_in_the_navigation():
    navigation = (DOCS.parent / "mkdocs.yml").read_text()
    for page in DOCS.glob("*.md"):
        assert f": {page.name}\n" in navigation, f"add {page.name} to mkdocs.yml"


def test_links_between_pages_lead_somewhere_in_the_site():
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\((?!https?://)([^)#\s]+)", page.read_text()):
            assert (DOCS / target).exists(), f"{page.name} links to {target}"
            assert not target.startswith(".."), f"{page.name} links to {target}, which is no page of the site"


COMMAND = re.compile(r"^```bash\ntatar-rewards (explain [^`]*)^```\n\n```text\n(.*?)^```$", re.M | re.S)


def test_the_page_of_the_commands_shows_what_they_print(tmp_path):
    page = (DOCS / "commands.md").read_text()
    (tmp_path / "my_rewards.py").write_text(blocks_of(page)[0].code)
    shown = COMMAND.findall(page)
    assert len(shown) == 2
    for command, text in shown:
        arguments = [sys.executable, "-m", "tatar_rewards", *shlex.split(command.replace("\\\n", ""))]
        assert subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == text


def numbers(svg):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", svg)]


def test_the_curves_are_those_of_the_functions_of_today(tmp_path, monkeypatch):
    monkeypatch.setattr(draw_curves, "FOLDER", tmp_path)
    draw_curves.main()
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {path.name for path in (DOCS / "curves").iterdir()}
    for name in drawn:
        shown = numbers((DOCS / "curves" / name).read_text())
        assert shown == pytest.approx(numbers((tmp_path / name).read_text()), abs=0.11), "run tools/draw_curves.py"


def test_the_guide_to_trl_names_every_figure_that_is_logged():
    page, logged = (DOCS / "trl.md").read_text(), set()
    rewards = [AnswerFormatReward(), ThurstoneRankReward(length_gate={"longest": 9}), LengthReward(unit="tokens")]
    rewards.append(scheduled(AnswerFormatReward(name="win_rate"), start=1, end=0))
    columns = {"mos": [20.0, 60.0], "image_id": ["a", "b"], "completion_ids": [[1], [2]]}
    for reward in rewards:
        reward(["<answer>30</answer>", "<answer>50</answer>"], log_metric=lambda name, _: logged.add(name), **columns)
    assert len(logged) > 25
    for name in logged:
        figure = name.partition("/")[2]
        assert f"`{figure}`" in page or f"`{name}`" in page, f"explain {name} in docs/trl.md"


def test_the_guide_to_trl_names_every_figure_that_trl_logs():
    page, found = (DOCS / "trl.md").read_text(), util.find_spec("trl")
    if found is None or f"TRL {metadata.version('trl')}" not in page:
        pytest.skip("the page explains the figures of another version of TRL")
    trainer = (Path(found.submodule_search_locations[0]) / "trainer" / "grpo_trainer.py").read_text()
    logged = set(re.findall(r"""_metrics\[(?:mode|"train")\]\[f?"([^"]+)"\]""", trainer))
    assert len(logged) > 30
    for name in logged:
        assert f"`{name.replace('{reward_func_name}', 'NAME')}`" in page, f"explain {name} in docs/trl.md"


TEXTS = [*DOCS.glob("*.md"), *(DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
TEXTS.append(DOCS.parent / "benchmarks" / "README.md")


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_prose_wraps_at_120_columns(page):
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), page.read_text(), flags=re.M | re.S)
    for number, line in enumerate(text.splitlines(), 1):
        is_prose = not line.lstrip().startswith("|") and "](" not in line
        assert len(line) <= 120 or not is_prose, f"{page.name}, line {number}: {len(line)} columns"
