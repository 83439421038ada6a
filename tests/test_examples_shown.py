"""Which pictures the report shows of a data set, and what it says about each."""

from pathlib import Path

import pytest
from support.measured import measure, rows_of

from recipe.examples_shown import REASONS, Shown, before_and_after, best_and_worst
from recipe.labels import Picture
from tatar_rewards import AnswerStatus, ScoreScale

MOS = [50.0] * 10
BEFORE = [90, 55, 50, 53, 70, "no", 40, "no", 48, 51]
AFTER = [52, 55, 80, 58, 60, 50, "no", "no", 47, 51]  # of the errors, 38, 0, -30, -5, 10 points less; -1, 0 less


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr("recipe.examples_shown.thumbnail", lambda path: path)
    pictures = [Picture(Path(f"set/{k}.png"), f"{k}", "set", "iqa", 50.0, None) for k in range(len(MOS))]
    return Shown({p.key: p for p in pictures}, {"0": {"blur": 0.5}}, ScoreScale(1, 5, higher_is_better=False))


@pytest.fixture
def measured():
    return measure(sft=rows_of(BEFORE, mos=MOS), grpo=rows_of(AFTER, mos=MOS))


def images(groups):
    return {group.title: [example.picture.stem for example in group.examples] for group in groups}


def test_the_greatest_gains_the_least_changes_and_the_greatest_losses_are_shown(measured, shown):
    assert images(before_and_after(measured, "iqa", "set", shown)) == {
        "Greatest gain": ["0", "4"],
        "Least change": ["1", "9"],
        "Greatest loss": ["2", "3"],
        "Readable only after GRPO": ["5"],
        "Readable only before GRPO": ["6"],
    }


def test_no_picture_stands_in_two_groups_and_groups_may_be_empty(shown):
    same = measure(sft=rows_of([50, 60, 70], mos=MOS[:3]), grpo=rows_of([50, 60, 70], mos=MOS[:3]))
    found = images(before_and_after(same, "iqa", "set", shown))
    assert found == {"Greatest gain": [], "Least change": ["0", "1"], "Greatest loss": []}
    none = measure(sft=rows_of(["no"], mos=[50.0]), grpo=rows_of(["no"], mos=[50.0]))
    assert not any(images(before_and_after(none, "iqa", "set", shown)).values())


def test_both_answers_stand_beside_each_other_with_their_errors(measured, shown):
    gain, _, loss, only_after, _ = before_and_after(measured, "iqa", "set", shown)
    first = gain.examples[0]
    assert (first.name, first.mos) == ("set: 0 (0.png)", "MOS 3 (50 points)")
    assert first.note == "lower is better; 38 points closer to the MOS; in truth: blur 0.50"
    assert [(a.model, a.verdict) for a in first.answers] == [
        ("after SFT", "answer 1.4 (90 points), error 40 points"),
        ("after GRPO", "answer 2.92 (52 points), error 2 points"),
    ]
    assert loss.examples[1].note.endswith("5 points farther from the MOS")
    assert only_after.examples[0].answers[0] == ("after SFT", "not read: it holds no answer", "no")


def test_the_best_the_worst_and_the_unreadable_are_shown_once_each(measured, shown):
    found = images(best_and_worst(measured["grpo"], "grpo", "iqa", "set", shown))
    assert found == {"Best": ["5", "9", "0"], "Worst": ["2", "4", "3"], "Unreadable": ["6", "7"]}


def test_every_way_of_not_answering_has_its_words():
    assert set(REASONS) == set(AnswerStatus) - {AnswerStatus.OK}
