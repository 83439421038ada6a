"""The interactive page computes what Python computes, and its sliders and buttons work: in headless Chromium.

The page gets a driver beside its own script, which moves the sliders as a reader does and writes down what is shown;
Chromium prints the page when all is done.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tatar_rewards import gaussian_score_reward, thurstone_rank_reward

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[1] / "docs"
STARTS = {"answer": 58, "mos": 70, "tolerance": 8.75, "temperature": 14.5, "centre": 55, "spread": 8, "form": "matched"}
QUANTILES = np.array([-1.5, -0.9, -0.4, 0, 0.4, 0.9, 1.5])
OPPONENTS = [(20, 27), (35, 33), (50, 54), (65, 61), (85, 80)]  # MOS and mean answer; the page names them
FORMS = {"matched": {}, "observer": {"dispersion": "observer"}, "margin": {"loss": "margin"}}
DRIVER = """
const shown = () => Object.fromEntries(
  [...document.querySelectorAll("[data-figure]")].map((cell) => [cell.dataset.figure, Number(cell.dataset.value)]));
const seen = { linked: shown(), points: [], buttons: {} };
for (const point of POINTS) {
  for (const [name, value] of Object.entries(point)) {
    const control = document.getElementsByName(name)[0];
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }
  seen.points.push(shown());
}
seen.hash = location.hash;
seen.curves = [...document.querySelectorAll("polyline")].map((curve) => curve.getAttribute("points"));
for (const button of document.querySelectorAll("button")) {
  button.click();
  seen.buttons[button.textContent] = { ...shown(), answer: document.getElementsByName("answer")[0].value };
}
document.body.replaceChildren(JSON.stringify(seen));
"""


def points():
    """Twenty settings of the sliders. No answer is at an end of the scale, so that a slope has two sides."""
    rng = np.random.default_rng(0)
    ranges = {"answer": (1, 99), "mos": (0, 100), "tolerance": (2, 40), "temperature": (4, 60), "centre": (0, 100)}
    drawn = [{name: int(rng.integers(*ends)) for name, ends in ranges.items()} for _ in range(20)]
    return [{**p, "spread": int(rng.integers(0, 30)), "form": list(FORMS)[k % 3]} for k, p in enumerate(drawn)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the page showed, at a link with three settings, at twenty points, and after each button."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed, and the page needs a browser")
    folder = tmp_path_factory.mktemp("try_it")
    script = (DOCS / "javascripts" / "try_it.js").read_text()
    page = folder / "page.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><body><div id="try-it"></div><script>{script}</script>'
        f"<script>const POINTS = {json.dumps(points())};"
        f'addEventListener("DOMContentLoaded", () => {{{DRIVER}}});</script></body>'
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    flags += [f"--user-data-dir={folder / 'profile'}"]
    link = f"{page.as_uri()}#answer=42&mos=61.5&form=margin&tolerance=900"
    command = [chromium, *flags, "--dump-dom", link]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    body = re.search(r"<body>(\{.*\})</body>", run.stdout, re.DOTALL)
    assert body, f"the page showed no figures:\n{run.stdout[-500:]}\n{run.stderr[-500:]}"
    return json.loads(html.unescape(body[1]))


def expected(point):
    """The six figures by the functions of the package."""
    figures = {}
    for name, reward in {"gaussian": gaussian_rewards, "rank": rank_rewards}.items():
        earned = reward(point)
        above, below = (reward({**point, "answer": point["answer"] + step})[0] for step in (1e-3, -1e-3))
        figures[name] = earned[0]
        figures[f"{name}_slope"] = (above - below) / 2e-3
        figures[f"{name}_advantage"] = (earned[0] - earned.mean()) / (earned.std(ddof=1) + 1e-4)  # as TRL divides
    return figures


def group_of(point):
    return np.array([point["answer"], *np.clip(point["centre"] + QUANTILES * point["spread"], 0, 100)], float)


def gaussian_rewards(point):
    return gaussian_score_reward(group_of(point), np.full(8, float(point["mos"])), tolerance=point["tolerance"])


def rank_rewards(point):
    """The other pictures have two answers each, 5 points to either side of their mean."""
    others = [(mos, mean + side, k) for k, (mos, mean) in enumerate(OPPONENTS, 1) for side in (-5, 5)]
    mos, answers, keys = np.array(others, float).T
    predictions = np.concatenate([group_of(point), answers])
    targets = np.concatenate([np.full(8, float(point["mos"])), mos])
    groups = np.concatenate([np.zeros(8, int), keys.astype(int)])
    settings = {"temperature": point["temperature"]} | FORMS[point["form"]]
    return thurstone_rank_reward(predictions, targets, groups, **settings)[:8]


def assert_same(figures, point):
    for name, value in expected(point).items():
        assert figures[name] == pytest.approx(value, rel=1e-6, abs=1e-8), f"{name} at {point}"


def test_the_page_shows_what_python_computes_at_twenty_points(seen):
    assert len(seen["points"]) == 20
    for figures, point in zip(seen["points"], points(), strict=True):
        assert_same(figures, point)


def test_a_link_sets_the_sliders_and_what_is_off_them_keeps_its_start(seen):
    assert_same(seen["linked"], STARTS | {"answer": 42, "mos": 61.5, "form": "margin"})


def test_moved_sliders_are_in_the_link_and_both_curves_are_drawn(seen):
    last = points()[-1]
    assert f"answer={last['answer']}&mos={last['mos']}" in seen["hash"]
    assert f"form={last['form']}" in seen["hash"]
    assert [len(curve.split()) for curve in seen["curves"]] == [201, 201]


def test_every_button_shows_its_example(seen):
    assert_same(seen["buttons"]["Start"], STARTS)
    assert seen["buttons"]["A hit"]["gaussian"] == 1
    narrow, wide = seen["buttons"]["Far away, narrow bell"], seen["buttons"]["Far away, wide bell"]
    assert narrow["gaussian_slope"] < 1e-6 < 1e-2 < wide["gaussian_slope"]
    agrees = seen["buttons"]["A group that agrees"]
    assert agrees["gaussian_advantage"] == pytest.approx(0, abs=1e-8)
    assert agrees["rank_advantage"] == pytest.approx(0, abs=1e-8)
    assert len(seen["buttons"]) == 6
