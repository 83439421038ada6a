"""The ways of not answering, and the cure of each: one table for whoever reads answers.

Each status has a cure, and more precise ones where the text shows why it failed.
"""

from collections.abc import Callable
from typing import NamedTuple

from tatar_rewards.answers import signs
from tatar_rewards.answers.answer import AnswerStatus

S = AnswerStatus
_IN_TAGS = "ask for <think>...</think><answer>number</answer> in the prompt, or train the format first"
_ONE_NUMBER = "ask for one plain decimal number between the answer tags in the prompt"
_NO_TOKENS = "decode with skip_special_tokens=True, and let generation stop at the end-of-turn token"
_LENIENT = "to evaluate a foreign model as it is, set lenient=True"


class Failure(NamedTuple):
    """One way of not answering."""

    status: AnswerStatus
    does: str  # what the completions do
    cure: str
    shows: Callable[[str, bool], bool] | None = None  # whether a text fails in this way; None: whatever it shows
    lenient_reads_it: bool = False

    def advice(self, *, lenient: bool) -> str:
        """The cure, with the lenient grammar where it would help and does not read yet."""
        return f"{self.cure}; {_LENIENT}" if self.lenient_reads_it and not lenient else self.cure


FAILURES = (  # of each status those that a text shows, and last what holds of all
    Failure(
        S.NO_ANSWER,
        "say nothing",
        "see that the last message is the assistant's, and that generation does not stop at its first token",
        signs.says_nothing,
    ),
    Failure(
        S.NO_ANSWER,
        "stop after thinking",
        "show an answer after </think> in the prompt, and see that generation does not stop at </think>",
        signs.stops_after_thinking,
    ),
    Failure(
        S.NO_ANSWER,
        "write the answer tags in another case, or with spaces",
        "show <answer>number</answer>, in lower case, in the prompt",
        signs.tags_in_another_form,
        True,
    ),
    Failure(S.NO_ANSWER, "answer in a box or in tags of their own", _IN_TAGS, signs.box_or_other_tags, True),
    Failure(S.NO_ANSWER, "answer in JSON", _IN_TAGS, signs.json_field, True),
    Failure(
        S.NO_ANSWER,
        "give no answer in tags",
        f"{_IN_TAGS}; where they are cut off, raise max_completion_length",
        None,
        True,
    ),
    Failure(S.SEVERAL_ANSWERS, "answer again after the end of their turn", _NO_TOKENS, signs.turn_goes_on),
    Failure(
        S.SEVERAL_ANSWERS,
        "give several answers: where a parser takes the first, this pays; here it earns nothing",
        "ask for one answer in the prompt; if it grows in training, another reward may be paying for it: lower the "
        "learning rate or raise beta",
    ),
    Failure(
        S.UNCLOSED,
        "answer inside the think block that think_prefilled=True takes for open",
        "set think_prefilled=False: the chat template does not write <think> into the prompt",
        signs.answers_in_prefilled_thinking,
    ),
    Failure(
        S.UNCLOSED,
        "never close the think block that think_prefilled=True takes for open",
        "set think_prefilled=False where the chat template does not write <think> into the prompt; else raise "
        "max_completion_length",
        signs.never_closes_prefilled_thinking,
    ),
    Failure(
        S.UNCLOSED,
        "end their turn with a tag open",
        "show both tags of <think>...</think> and <answer>number</answer> in the prompt, or train the format first",
        signs.ends_with_special_token,
    ),
    Failure(
        S.UNCLOSED,
        "are cut off or leave a tag open",
        "raise max_completion_length, or ask for shorter thinking in the prompt",
    ),
    Failure(
        S.UNOPENED,
        "close a think block that they never opened",
        "the chat template writes <think> into the prompt: set think_prefilled=True",
        signs.only_closes_thinking,
    ),
    Failure(
        S.UNOPENED,
        "close an answer tag that they never opened",
        "show both tags of <answer>number</answer> in the prompt, or train the format first",
        signs.only_closes_answer,
    ),
    Failure(
        S.UNOPENED,
        "close a tag that they never opened",
        "where the chat template writes <think> into the prompt, set think_prefilled=True; else show all four tags "
        "there",
    ),
    Failure(S.ANSWER_IN_THINK, "answer inside the think block", "show an answer after </think> in the prompt"),
    Failure(
        S.SEVERAL_THINKS,
        "open the think block that think_prefilled=True takes for open",
        "set think_prefilled=False: the completions hold the whole block",
        signs.opens_prefilled_thinking,
    ),
    Failure(
        S.SEVERAL_THINKS,
        "think in several blocks",
        "ask for one <think>...</think> in the prompt, and see that think_prefilled= is what the chat template does",
    ),
    Failure(S.TEXT_BEFORE_ANSWER, "begin with special tokens", _NO_TOKENS, signs.only_tokens_before, True),
    Failure(S.TEXT_BEFORE_ANSWER, "think in tags of their own", _IN_TAGS, signs.thinks_in_other_tags, True),
    Failure(
        S.TEXT_BEFORE_ANSWER,
        "put the answer into a code fence",
        "ask for no code fence in the prompt",
        signs.code_fence,
        True,
    ),
    Failure(
        S.TEXT_BEFORE_ANSWER,
        "write words outside the think block",
        "ask for thinking only in <think>...</think>, and for nothing else before the answer",
        None,
        True,
    ),
    Failure(S.TEXT_AFTER_ANSWER, "end with special tokens", _NO_TOKENS, signs.only_tokens_after, True),
    Failure(
        S.TEXT_AFTER_ANSWER,
        "answer before they think",
        "ask for the thinking first in the prompt",
        signs.thinks_after_answering,
    ),
    Failure(S.TEXT_AFTER_ANSWER, "go on after the end of their turn", _NO_TOKENS, signs.turn_goes_on, True),
    Failure(
        S.TEXT_AFTER_ANSWER,
        "go on after the answer",
        "ask for nothing after the answer, and see that the model learns to stop at its end-of-turn token",
        None,
        True,
    ),
    Failure(
        S.NOT_A_NUMBER,
        "leave the answer empty, or copy what stands for it in the prompt",
        "show a number as the example in the prompt, such as <answer>64</answer>",
        signs.placeholder,
    ),
    Failure(S.NOT_A_NUMBER, "write special tokens round the number", _NO_TOKENS, signs.token_in_answer, True),
    Failure(S.NOT_A_NUMBER, "answer in JSON between the tags", _ONE_NUMBER, signs.json_in_answer, True),
    Failure(
        S.NOT_A_NUMBER,
        "answer with a fraction or a percentage",
        f"{_ONE_NUMBER}, without / or %",
        signs.fraction_in_answer,
        True,
    ),
    Failure(
        S.NOT_A_NUMBER,
        "answer with a range, a choice or a decimal comma",
        f"{_ONE_NUMBER}, with a decimal point",
        signs.range_in_answer,
    ),
    Failure(S.NOT_A_NUMBER, "answer with something other than one plain number", _ONE_NUMBER, None, True),
    Failure(
        S.OFF_SCALE,
        "answer off the scale: where a parser clamps, this pays; here it earns nothing",
        "set answer_scale= to the scale that the prompt names, and name it there",
    ),
)
