"""The doctor on prompts: the scale that they name, the tags that they ask for, and thinking that a template opens."""

import pytest
from support.labelled_rows import QUESTION, rows

import tatar_rewards as tr
from tatar_rewards.doctor.scales_in_text import named_scale
from tiny.model import CHAT_TEMPLATE, build_processor, train_tokenizer

ARGS = {"per_device_train_batch_size": 32, "num_generations": 4}
TAGS = " Write <think>...</think><answer>...</answer>."
TURNS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
OPENS = TURNS + "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
PLAIN = OPENS.replace("<think>\n", "")
SWITCHED = OPENS.replace(
    "<think>\n", "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}"
)


def check(prompt, template=None, args=ARGS, **settings):
    prompts = [prompt] * 40 if isinstance(prompt, str) else prompt
    return tr.check_setup(tr.tatar_reward_funcs(**settings), args, rows(prompt=prompts), processing_class=template)


def messages(text):
    return [[{"role": "user", "content": text}]] * 40


# ---------------------------------------------------------------- scales


@pytest.mark.parametrize(
    ("text", "low", "high", "higher_is_better"),
    [
        ("Rate the quality from 1 to 5.", 1, 5, None),
        ("Judge it on a scale of 1-10.", 1, 10, None),
        ("Score it out of 10.", None, 10, None),
        ("Give a number between 0 and 100.", 0, 100, None),
        ("1 (bad) to 5 (excellent)", 1, 5, True),
        ("from 0 (no distortion) to 9 (severe distortion)", 0, 9, False),
        ("a value from 100 (best) to 0 (worst)", 0, 100, True),
        ("Give a score: 1 = bad, 5 = excellent", 1, 5, True),
        ("a float between 1 and 5, with 1 representing very poor quality and 5 representing excellent", 1, 5, True),
        ("score of 0 to 10 (10 being best)", 0, 10, True),
        ("on a scale of 0 to 9, lower is better", 0, 9, False),
        ("on a 5-point scale", None, 5, None),
        ("your rating (1\u20135)", 1, 5, None),
        ("a number in [0, 100]", 0, 100, None),
        ("from one to five", 1, 5, None),
        ("from zero to one hundred", 0, 100, None),
        ("Please assign a MOS (1~5)", 1, 5, None),
        ("\u4ece1\u52305\u5206", 1, 5, None),  # from 1 to 5 points
        ("from 0.0 to 1.0", 0, 1, None),
        ("from 1 to 5, in 30 to 50 words and 2-3 sentences", 1, 5, None),
    ],
)
def test_a_scale_is_read_however_it_is_written(text, low, high, higher_is_better):
    assert named_scale(text) == (low, high, higher_is_better)


@pytest.mark.parametrize(
    "text",
    [
        "Rate it.",
        "Write 2 to 4 sentences.",
        "in 30 to 50 words",
        "3 out of 5 images show a cat",
        "use numbers, 1, 2, 3, 4 or 5",
        "Do not give scores from 1 to 10; use 0 to 100",
        "from 1 to 5 for sharpness, from 0 to 100 for the whole",
        "Compare image 1 and 2",
        "Grade: A to F",
        "",
        "1-" * 5000,
        "from 1 to " * 2000,
    ],
)
def test_no_scale_or_several_are_none(text):
    assert named_scale(text) is None


@pytest.mark.parametrize("wrap", [lambda text: [text] * 40, messages])
def test_another_scale_than_the_rewards_read_is_a_fault(wrap):
    report = check(wrap("Rate it from 1 to 5." + TAGS))
    assert [fault.check for fault in report.faults] == ["answer scale"]
    assert (
        "40 of 40 prompts ask for a score from 1 to 5, but the answers are read on 0 to 100" in report.faults[0].problem
    )
    assert "answer_scale=ScoreScale(1, 5)" in report.faults[0].cure
    assert check(wrap("Rate it from 1 to 5." + TAGS), answer_scale=(1, 5)).ok


@pytest.mark.parametrize(
    ("text", "answer_scale", "ok"),
    [
        ("from 1 to 100", (0, 100), True),  # hardly another one
        ("out of 10", (1, 10), True),
        ("out of 10", (0, 100), False),
        ("on a 5-point scale", (1, 5), True),
        ("1 (bad) to 5 (excellent)", (1, 5), True),
        ("1 (bad) to 5 (excellent)", tr.ScoreScale(1, 5, higher_is_better=False), False),
        ("1 (excellent) to 5 (bad)", (1, 5), False),
        ("1 (excellent) to 5 (bad)", tr.ScoreScale(1, 5, higher_is_better=False), True),
        ("from 1 to 5", tr.ScoreScale(1, 5, higher_is_better=False), True),  # it does not say which end is best
    ],
)
def test_ends_and_direction_are_compared_as_far_as_the_prompt_tells(text, answer_scale, ok):
    assert check(f"Rate it {text}." + TAGS, answer_scale=answer_scale).ok is ok


def test_a_share_of_the_prompts_is_enough():
    prompts = [QUESTION + " from 0 to 100"] * 28 + [QUESTION + " from 1 to 10"] * 12
    report = check(prompts)
    assert "12 of 40 prompts ask for a score from 1 to 10" in report.faults[0].problem


def test_prompts_of_blocks_are_read_and_their_pictures_are_not_touched():
    class Picture:
        def __getattr__(self, name):
            raise AssertionError(f"{name} of a picture was asked for")

    blocks = [{"type": "image", "image": Picture()}, {"type": "text", "text": "Rate it from 1 to 5." + TAGS}]
    report = check([[{"role": "user", "content": blocks}]] * 40, PLAIN)
    assert [fault.check for fault in report.faults] == ["answer scale"]


def test_prompts_without_tags_are_worth_a_word():
    report = check("Rate it from 0 to 100.")
    assert report.ok
    assert [finding.check for finding in report.advice] == ["answer tags"]
    assert not check(QUESTION).advice


# ---------------------------------------------------------------- thinking


@pytest.mark.parametrize(
    ("prompt", "template", "prefilled", "faults", "advice"),
    [
        (messages(QUESTION), OPENS, False, ["thinking"], []),
        (messages(QUESTION), OPENS, True, [], []),
        (messages(QUESTION), PLAIN, True, ["thinking"], []),
        (messages(QUESTION), PLAIN, False, [], []),
        (messages(QUESTION), None, True, [], []),  # whoever says so knows the template
        (messages(QUESTION + "<think>"), PLAIN, False, [], []),  # the template ends the user's turn after it
        (QUESTION + "<think>\n", None, False, ["thinking"], []),
        (QUESTION + "<think>\n", None, True, [], []),
        (QUESTION, None, True, [], ["thinking"]),
        (QUESTION, PLAIN, True, ["thinking"], []),
        (QUESTION, OPENS, False, [], ["thinking"]),  # TRL applies no template to a text
        (QUESTION, "{{ 1 / 0 }}", False, [], []),
    ],
)
def test_thinking_that_is_opened_is_declared_and_the_other_way_round(prompt, template, prefilled, faults, advice):
    report = check(prompt, template, think_prefilled=prefilled)
    assert [finding.check for finding in report.faults] == faults, str(report)
    assert [finding.check for finding in report.advice] == advice, str(report)


def test_the_settings_of_the_template_count():
    for settings in ({"enable_thinking": False}, '{"enable_thinking": false}'):
        assert check(messages(QUESTION), SWITCHED, {**ARGS, "chat_template_kwargs": settings}).ok
    assert not check(messages(QUESTION), SWITCHED).ok


def test_a_template_that_fails_or_is_not_known_is_told_as_not_looked_at():
    assert "the chat template" in check(messages(QUESTION)).facts["not looked at"]
    report = check(messages(QUESTION), "{{ raise_exception('no system role') }}")
    assert report.ok
    assert "the chat template, which fails (TemplateError: no system role)" in report.facts["not looked at"]


def test_a_tokenizer_renders_its_own_template():
    class Tokenizer:
        def apply_chat_template(self, conversation, *, tokenize, add_generation_prompt, **settings):
            assert not tokenize
            assert add_generation_prompt
            return conversation[0]["content"] + "<|assistant|>" + settings.get("opening", "<think>")

    assert [fault.check for fault in check(messages(QUESTION), Tokenizer()).faults] == ["thinking"]
    assert check(messages(QUESTION), Tokenizer(), {**ARGS, "chat_template_kwargs": {"opening": ""}}).ok


def test_texts_beside_pictures_are_worth_a_word():
    data = rows(images=[[]] * 40)
    report = tr.check_setup(tr.tatar_reward_funcs(), ARGS, data)
    assert report.ok
    assert "TRL puts pictures into messages only" in report.advice[0].problem


def test_a_template_that_takes_blocks_only_gets_blocks_where_there_are_pictures():
    template = "{% for m in messages %}{% for b in m.content %}{{ b['text'] }}{% endfor %}{% endfor %}"
    template += "{% if messages[0].content is string %}{{ raise_exception('no blocks') }}{% endif %}<think>"
    report = tr.check_setup(
        tr.tatar_reward_funcs(), ARGS, rows(prompt=messages(QUESTION), images=[[]] * 40), processing_class=template
    )
    assert [fault.check for fault in report.faults] == ["thinking"], str(report)


@pytest.mark.parametrize("blocks", [False, True])
def test_a_real_processor_and_its_tokenizer_tell_too_and_no_picture_is_opened(blocks):
    tokenizer = train_tokenizer([QUESTION])
    text = [{"type": "image", "image": object()}, {"type": "text", "text": QUESTION}] if blocks else QUESTION
    for template in (tokenizer, build_processor(tokenizer)):
        for opening, faults in (("", []), ("<think>", ["thinking"])):
            template.chat_template = CHAT_TEMPLATE.replace("<|assistant|>", "<|assistant|>" + opening)
            assert [fault.check for fault in check(messages(text), template).faults] == faults
