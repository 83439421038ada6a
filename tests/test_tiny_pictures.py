"""The tiny pictures, their labels and their rationales."""

import numpy as np
import pytest
from PIL import Image

from recipe.config import TINY_CONFIG
from recipe.yaml_files import load_recipe
from tatar_rewards import LengthConfig, parse_answer, tatar_reward_funcs
from tiny import labels, pictures
from tiny.model import train_tokenizer

pytestmark = pytest.mark.slow


def test_no_photograph_serves_both_training_and_test():
    assert not set(pictures.TRAIN_PHOTOGRAPHS) & set(pictures.TEST_PHOTOGRAPHS)


def test_the_tiny_data_are_read_back_as_they_were_made(tmp_path):
    examples = pictures.make_examples(pictures.TEST_PHOTOGRAPHS[:1], per_task=5, seed=3)
    pictures.write_examples(examples, "test", tmp_path)
    read = {picture.image_id: picture for picture in pictures.written_pictures(tmp_path, "test")}
    assert len(read) == 10
    for example in examples:
        picture = read[f"test-{example.image_id}.png"]
        assert picture.mos == pytest.approx(example.mos, abs=1e-3)
        assert (picture.task, picture.dataset) == (example.task, example.dataset)
        assert np.array_equal(np.asarray(Image.open(picture.path)), np.asarray(example.image))


def test_the_rationales_fit_the_budgets_and_do_not_leak_the_score():
    examples = pictures.make_examples(pictures.TEST_PHOTOGRAPHS[:1], per_task=20, seed=3)
    completions = [example.completion() for example in examples]
    for example in examples:
        answer = parse_answer(example.completion())
        assert answer.ok
        assert abs(answer.score - example.mos) <= 0.5
        assert not any(character.isdigit() for character in example.rationale)
    columns = {name: [getattr(e, name) for e in examples] for name in ("mos", "task", "image_id", "dataset")}
    for reward in tatar_reward_funcs(iqa_budget=LengthConfig(longest=20), iaa_budget=LengthConfig(shortest=40)):
        values = [value for value in reward(completions, **columns) if value is not None]
        assert min(values) > 0.9, reward.__name__


def test_a_word_is_about_a_token_so_that_no_answer_is_cut_off():
    completions = [e.completion() for e in pictures.make_examples(("camera",), per_task=50, seed=3)]
    tokenizer = train_tokenizer(text for text in completions)
    lengths = [len(tokenizer(text).input_ids) for text in completions]
    assert max(lengths) + 1 < load_recipe(TINY_CONFIG).grpo.args["max_completion_length"]
    assert tokenizer.decode(tokenizer(completions[0]).input_ids) == completions[0]


def test_labels_follow_the_damage():
    strengths = dict.fromkeys(labels.DISTORTIONS, 0.0)
    clean = labels.true_quality(strengths)
    for name in labels.DISTORTIONS:
        grades = [labels.true_quality({**strengths, name: strength}) for strength in (0.0, 0.3, 0.6, 1.0)]
        assert np.all(np.diff(grades) < -5)
        assert grades[0] == clean


def test_data_are_the_same_for_the_same_seed():
    first, again, other = (pictures.make_examples(("camera",), per_task=3, seed=seed) for seed in (1, 1, 2))
    assert [e.mos for e in first] == [e.mos for e in again] != [e.mos for e in other]
    assert all(np.array_equal(np.asarray(a.image), np.asarray(b.image)) for a, b in zip(first, again, strict=True))


def test_no_crop_is_flat():
    examples = pictures.make_examples(("brick", "grass"), per_task=150, seed=2000)
    assert min(np.asarray(example.image).std() for example in examples) >= 1
