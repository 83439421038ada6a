"""Sampled answers through the recipe: asked for, resumed, measured by their mean, said in headline, table and page."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from support import made_up_run as made_up
from support import stages
from support.measured import measure_sampled, noisy, recipe_with, rows_of, sampled
from support.pages import Page

import evaluate_model
from recipe.headlines import headlines
from recipe.page_tables import figures_table
from recipe.tables import changes_of, format_table


@pytest.fixture(scope="module")
def measured():
    """SFT with samples of more noise than GRPO; greedy answers of which nothing is changed."""
    greedy = rows_of(noisy(20))
    return measure_sampled(sft=(greedy, sampled(90, 8)), grpo=(greedy, sampled(20, 8, seed=50)))


RECIPE = recipe_with([("iqa", "set")], samples=8)


def test_the_headline_judges_by_means_and_names_the_greedy_answers(measured):
    (said,) = headlines(RECIPE, measured).values()
    assert re.search(r"GRPO raised SRCC on set by the mean of samples from 0\.\d+ to 0\.9\d+ \(\+0\.\d+, 95", said), (
        said
    )
    assert "; greedy answers: GRPO did not change the order of the pictures: SRCC on set is 0." in said


def test_the_table_has_three_lines_a_model_and_two_changes(measured):
    lines = [re.split(r"\s{2,}", line) for line in format_table(RECIPE, measured).splitlines()]
    named = {cells[2]: cells for cells in lines[1:] if len(cells) > 2}
    kinds = ("greedy answers", "one sample", "mean of samples")
    assert [*named] == ["constant guess", *(f"after {s}, {kind}" for s in ("SFT", "GRPO") for kind in kinds)]
    for stage, name in (("sft", "SFT"), ("grpo", "GRPO")):
        (result,) = measured[stage].evaluation.datasets
        for kind, figures in zip(kinds, (result.figures, result.samples.one, result.samples.mean), strict=True):
            assert named[f"after {name}, {kind}"][3] == f"{figures.srcc:.3f}"
    assert "+0.000" in named["after GRPO, greedy answers"][-1]
    assert re.match(r"\+0\.\d+ \(\+0\.\d+ to \+0\.\d+\), 40 pictures", named["after GRPO, mean of samples"][-1])


def test_the_change_is_of_the_means_that_the_evaluation_measures(measured):
    change = changes_of(RECIPE, measured, "iqa", "set")["mean of samples"]
    before, after = (measured[stage].evaluation.datasets[0].samples.mean.srcc for stage in ("sft", "grpo"))
    assert (change.before, change.after) == pytest.approx((before, after))


def test_greedy_answers_judge_where_a_model_has_no_samples(measured):
    mixed = {"sft": measured["sft"]._replace(sampled=()), "grpo": measured["grpo"]}
    (said,) = headlines(RECIPE, mixed).values()
    assert "did not change the order" in said
    assert "samples" not in said


def test_samples_that_cannot_be_compared_leave_what_greedy_answers_tell(measured):
    before, after = measured["sft"], measured["grpo"]
    unread = [{**row, "sample": 0} for row in rows_of(["?"] * 40)]
    same = [{**row, "sample": 0} for row in rows_of([50] * 40)]
    for drawn, why in (
        (unread, "no test picture of set has two readable answers"),
        (same, "all means of samples after GRPO"),
    ):
        (model,) = measure_sampled(grpo=(rows_of(noisy(2)), drawn)).values()
        (said,) = headlines(RECIPE, {"sft": before, "grpo": model}).values()
        assert why in said
        assert "; greedy answers: GRPO raised SRCC on set from" in said
    (alone,) = headlines(RECIPE, {"grpo": after}).values()
    assert re.search(r"SRCC after GRPO by the mean of samples is 0\.9\d+ on set", alone)


def test_means_of_a_task_stand_for_both_kinds():
    models = {}
    for stage, noise in (("sft", 50), ("grpo", 10)):
        greedy = [row for name in "ab" for row in rows_of(noisy(noise), name)]
        drawn = [row for name in "ab" for row in sampled(noise, 4, name=name)]
        models |= measure_sampled(**{stage: (greedy, drawn)})
    recipe = recipe_with([("iqa", "a"), ("iqa", "b")], samples=4)
    rows = {row[0]: row[1] for row in figures_table(recipe, models).groups[-1].rows}
    for stage, name in (("sft", "SFT"), ("grpo", "GRPO")):
        evaluation = models[stage].evaluation
        assert rows[f"after {name}, greedy answers"] == f"{evaluation.task_means['iqa'].srcc:.3f}"
        assert rows[f"after {name}, mean of samples"] == f"{evaluation.sample_means['iqa'].srcc:.3f}"


def test_the_mean_leaves_out_what_cannot_be_read():
    drawn = [{**row, "sample": 0} for row in rows_of([50] * 40)] + [{**row, "sample": 1} for row in rows_of(["?"] * 40)]
    (model,) = measure_sampled(sft=(rows_of([50] * 40), drawn)).values()
    assert {row["score"] for row in model.means_of("iqa", "set")} == {50}
    assert "samples not read: 40 no_answer" in format_table(RECIPE, {"sft": model})


def test_the_page_shows_means_and_how_far_samples_lie_apart(tmp_path):
    mos = np.linspace(5, 95, 24)
    spec, points = made_up.make_set(tmp_path, "set", mos)
    for stage, noise in (("sft", 40), ("grpo", 15)):
        made_up.write_predictions(tmp_path / "run", stage, spec, made_up.noisy_answers(points, noise, 0))
        for k in range(4):
            answers = made_up.noisy_answers(points, noise, 10 + k)
            made_up.write_predictions(tmp_path / "run", stage, spec, answers, sample=k)
    settings = {"resamples": 50, "samples": 4}
    page = Page(made_up.write_page(made_up.write_config(tmp_path, [spec], evaluation=settings)))
    assert "by the mean of samples" in page.text
    figures, changes = page.tables[:2]
    assert [row[0] for row in figures if len(row) > 1][2:5] == [
        "after SFT, greedy answers",
        "after SFT, one sample",
        "after SFT, mean of samples",
    ]
    assert [row[0] for row in changes[1:]] == [
        "Quality (IQA), set, greedy answers",
        "Quality (IQA), set, mean of samples",
    ]
    assert "How far the sampled answers to a picture lie apart" in page.text
    assert "24 pictures, mean of samples" in page.text
    assert not re.search(r"\bnan\b", page.text, re.IGNORECASE)
    assert {len(row) for row in figures if len(row) > 1} == {len(figures[0])}


# ---------------------------------------------------------------- asking


def test_samples_are_drawn_as_grpo_draws_them():
    assert evaluate_model.sampling_of(recipe_with([("iqa", "set")])) == {
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": None,
        "repetition_penalty": 1.0,
    }
    cold = RECIPE.model_copy(update={"grpo": RECIPE.grpo.model_copy(update={"args": {"temperature": 0.7}})})
    assert evaluate_model.sampling_of(cold)["temperature"] == 0.7


@pytest.mark.slow
def test_only_the_samples_that_are_missing_are_asked_for(run_folder, monkeypatch):
    out = f"out={run_folder}"
    stages.run_in_process(evaluate_model, out, "evaluation.samples=2")
    path = run_folder / "predictions" / "sft" / "rank0.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert Counter(row.get("sample") for row in rows) == {None: 12, 0: 12, 1: 12}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:15]) + json.dumps(rows[15])[:40])
    asked = []
    generate = evaluate_model.generate

    def spy(model, processor, pictures, questions, max_new_tokens, sampling):
        asked.append((len(pictures), sampling is not None))
        return generate(model, processor, pictures, questions, max_new_tokens, sampling)

    monkeypatch.setattr(evaluate_model, "generate", spy)
    stages.run_in_process(evaluate_model, out, "evaluation.samples=3")
    assert {drawn for _, drawn in asked} == {True}, "greedy answers were all there"
    assert sum(count for count, _ in asked) == 36 - 3
    again = [json.loads(line) for line in path.read_text().splitlines()]
    assert Counter(row.get("sample") for row in again) == {None: 12, 0: 12, 1: 12, 2: 12}
    saved = [json.loads(line) for line in (run_folder / "predictions" / "sft.jsonl").read_text().splitlines()]
    assert len(saved) == 48
    drawn = [[row["completion"] for row in again if row.get("sample") == k] for k in range(3)]
    assert len({tuple(texts) for texts in drawn}) == 3, "a later start draws others"
    asked.clear()
    hotter = "grpo.args.temperature=1.5"
    stages.run_in_process(evaluate_model, out, "evaluation.samples=0", hotter)
    assert not asked, "greedy answers do not depend on how samples are drawn"
    stages.run_in_process(evaluate_model, out, "evaluation.samples=1", hotter)
    assert sum(count for count, _ in asked) == 12, "samples do"
    asked.clear()
    stages.run_in_process(evaluate_model, out, "evaluation.samples=1", hotter)
    assert not asked, "fewer samples are taken from those that there are"
    saved = [json.loads(line) for line in (run_folder / "predictions" / "sft.jsonl").read_text().splitlines()]
    assert Counter(row.get("sample") for row in saved) == {None: 12, 0: 12}
