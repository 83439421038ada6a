"""The lenient grammar reads a score, and no count of things, through whatever other models write round it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tatar_rewards import AnswerStatus, parse_answer
from tatar_rewards.answers.foreign import SPECIAL_TOKEN

LABELS = ["score", "Score", "rating", "Overall rating", "answer", "MOS", "aesthetic_score", "**Score**"]
THINGS = [
    "images", "photos", "pictures", "people", "raters", "questions", "blurry images", "different criteria", "of the images",
    "photographs that I saw", "women", "very dark areas", "-image sets", "x zoom", "D renders", "rd image", " (three) shots",
    "\nimages", "images\nof cats", "% of the images", " out of 5 images", " or more photos", " to 9 photos", "/5 photos",
    "**images**", "\u00e9tudes", "\u5f20\u7167\u7247",
]  # fmt: skip
counts, scores = st.integers(0, 100), st.integers(0, 100)


@given(st.sampled_from(LABELS), st.sampled_from(["of", "Of", "for", "from"]), counts, st.sampled_from(THINGS), scores)
def test_a_count_between_label_and_score_is_never_read_for_the_score(label, preposition, count, thing, score):
    assume(count != score)
    gap = "" if thing[0] in "-xDr%/ " else " "
    for sign in (" is ", ": ", " = ", " was "):
        text = f"The {label} {preposition} {count}{gap}{thing}{sign}{score}."
        assert parse_answer(text, lenient=True).score in (float(score), None), text


@given(st.sampled_from(LABELS), st.sampled_from([": ", " = ", " is ", " of "]), counts, st.sampled_from(THINGS))
def test_a_count_alone_is_no_answer(label, sign, count, thing):
    gap = "" if thing[0] in "-xDr%/ " else " "
    for text in (f"{label}{sign}{count}{gap}{thing} are blurry.", f"<answer>{label}{sign}{count}{gap}{thing}</answer>"):
        if "\n" not in thing or sign in (" is ", " of "):
            assert parse_answer(text, lenient=True).score is None, text


@pytest.mark.parametrize("things", ["images", "photos", "pictures", "people", "criteria"])
def test_the_score_of_so_many_things_is_read(things):
    for text in (
        f"The score of 3 {things} is 85",
        f"My rating of 3 {things}: 85",
        f"Score for 3 {things} = 85",
        f"The answer to 3 {things} was 85.",
        f"My rating from 3 blurry {things} is **85**",
    ):
        assert parse_answer(text, lenient=True).score == 85.0, text


@pytest.mark.parametrize("text", ["Score:\n1. Composition: good\n2. Light: soft", "Rating:\n1) sharp\n2) bright"])
def test_the_numbers_of_a_list_are_no_scores(text):
    assert parse_answer(text, lenient=True).score is None
    assert parse_answer(f"{text}\nFinal score: 85", lenient=True).score in (85.0, None)


@pytest.mark.parametrize(
    "text",
    ["I give it a score of 85 for these reasons: 1. sharp 2. bright", "A score of 85 because 3 images are sharp.", "Score: 85 (3 images)",
     "Score: 85; 3 images are sharp", "Score: 85 and the light is soft", "Score:\n85", "Score: 85\nsharp", "**Score: 85** Sharp"],
)  # fmt: skip
def test_what_follows_a_score_takes_nothing_from_it(text):
    assert parse_answer(text, lenient=True).score == 85.0


WRAPPERS = [
    "{}<|im_end|>", "{}<|eot_id|>", "{}</s>", "<s>{}</s>", "{}<eos>", "{}<end_of_turn>\n", "{}<\uff5cend\u2581of\u2581sentence\uff5c>",
    "{}<|endoftext|><|endoftext|>", "{}<turn|>", "<|im_start|>assistant\n{}<|im_end|>", "<start_of_turn>model\n{}",
    "<|start_header_id|>assistant<|end_header_id|>\n\n{}<|eot_id|>", "```\n{}\n```", "```text\n{}\n```",
]  # fmt: skip
THOUGHTS = [
    "<think>{}</think>", "{}</think>", "<thinking>{}</thinking>", "<Thought>{}</Thought>", "<reasoning>\n{}\n</reasoning>",
    "[THINK]{}[/THINK]", "\u25c1think\u25b7{}\u25c1/think\u25b7", "<|START_THINKING|>{}<|END_THINKING|>", "<seed:think>{}</seed:think>",
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>", "<|channel>thought\n{}<channel|>",
    "analysis{}assistantfinal",
]  # fmt: skip
ANSWERS = [
    "{}", "<answer>{}</answer>", "Score: {}", "\\boxed{{{}}}", "<|begin_of_box|>{}<|end_of_box|>", '{{"score": {}}}',
    "<CONCLUSION>{}</CONCLUSION>", "<final_answer>The score is {}.</final_answer>", '```json\n{{"rating": {}}}\n```',
]  # fmt: skip


@given(scores, st.sampled_from(ANSWERS), st.sampled_from(["", *THOUGHTS]), st.sampled_from(["{}", *WRAPPERS]))
def test_an_answer_is_read_in_whatever_wrappers_a_model_writes(score, form, thought, wrapper):
    text = wrapper.format(thought.format("The light: score of 7, maybe 8") + "\n" + form.format(score))
    answer = parse_answer(text, lenient=True)
    assert answer[:2] == (AnswerStatus.OK, score), text
    assert answer.think == ("The light: score of 7, maybe 8" if thought else "")


@given(st.sampled_from(THOUGHTS), st.sampled_from(WRAPPERS))
def test_thinking_alone_is_no_answer_and_thinking_cut_off_is_none(thought, wrapper):
    assert parse_answer(wrapper.format(thought.format("Score: 7")), lenient=True).score is None
    if thought[0] != "{" and "analysis{}" not in thought:
        cut_off = thought.partition("{}")[0] + "Score: 7"
        assert parse_answer(cut_off, lenient=True) == (AnswerStatus.UNCLOSED, None, "Score: 7")


@given(st.sampled_from(ANSWERS[1:]), st.sampled_from(WRAPPERS), st.sampled_from(THOUGHTS[2:]))
def test_the_strict_grammar_takes_no_wrapper_off(form, wrapper, thought):
    for text in (wrapper.format("<answer>85</answer>"), f"{thought.format('Sharp.')}<answer>85</answer>"):
        assert not parse_answer(text).ok
    assert parse_answer(form.format(85)).ok == (form == "<answer>{}</answer>")


@given(st.text(st.characters(categories=["L", "N", "P", "Z"]), max_size=60))
def test_text_without_tokens_is_left_alone(text):
    assert SPECIAL_TOKEN.sub("", text) == text or "[" in text
