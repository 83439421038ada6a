r"""What other families of models write round an answer: special tokens, tags of their own, channels, code fences.

Only the lenient grammar takes them off, in `without_wrappers` and `split_thinking`; the strict one knows none. The
cures of unreadable answers look for them.
"""

import re

SPECIAL_TOKEN = re.compile(  # with the name of whose turn it is; \uff5c is DeepSeek's bar
    r"""
    < (?: [|\uff5c] (?: (?:im_start|start_header_id|start|start_of_role|turn) [|\uff5c]?>
                        \s{0,3} (?:assistant\b|model\b)?
                      | [^<>|\uff5c\n]{1,60} [|\uff5c]?> )
        | [A-Za-z_]{1,40} [|\uff5c] >
        | (?: /?s | eos | bos | eod | eot | pad | unk | end_of_turn | end_of_utterance | image | end_of_image ) >
        | start_of_turn> \s{0,3} (?:model\b)? )
    | \[ (?: /?INST | EOS | BOS | PAD | SEP | CLS ) \]""",
    re.VERBOSE,
)
CODE_FENCE = re.compile(r"`{3,}(?:[A-Za-z][\w+-]{0,19}[ \t]{0,3}(?=\r?\n))?")
THINK_OPENS = re.compile(
    r"\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>|<\|channel>\s{0,3}thought\b"
    r"|<\|channel\|>\s{0,3}(?:analysis|commentary)[^<>\n]{0,40}<\|message\|>"
)
THINK_CLOSES = re.compile(
    r"\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>|<channel\|>"
    r"|<\|channel\|>\s{0,3}final[^<>\n]{0,40}<\|message\|>"
)
THINK_TAG = re.compile(
    r"<\s{0,3}(/?)\s{0,3}(?:thinking|thoughts?|reasoning|reason|scratchpad|[a-z]{1,9}:think(?:ing)?)\s{0,3}>",
    re.IGNORECASE,
)
ANSWER_TAG = re.compile(r"<\s{0,3}(/?)\s{0,3}(?:conclusion|final[_ -]?answer)\s{0,3}>", re.IGNORECASE)
BOX_OPENS, BOX_CLOSES = "<|begin_of_box|>", "<|end_of_box|>"


def without_wrappers(text: str) -> str:
    r"""A text with thinking in `<think>` where special tokens held it, boxes in `\boxed`, and without other tokens.

    Examples:
        >>> without_wrappers("[THINK]Sharp.[/THINK]<|begin_of_box|>85<|end_of_box|></s>")
        '<think>Sharp.</think>\\boxed{85}\n'
    """
    text = text.replace(BOX_OPENS, r"\boxed{").replace(BOX_CLOSES, "}")
    text = THINK_CLOSES.sub("</think>", THINK_OPENS.sub("<think>", text))
    text = CODE_FENCE.sub("\n", SPECIAL_TOKEN.sub("\n", text))
    if text.lstrip().startswith("analysis") and "assistantfinal" in text:  # channels whose special tokens were skipped
        thought, _, text = text.lstrip().removeprefix("analysis").rpartition("assistantfinal")
        text = f"<think>{thought}</think>{text}"
    return text


def split_thinking(text: str) -> tuple[list[str], str, bool]:
    """Thoughts in tags of other models, what stands outside them, and whether the last block was never closed.

    A block that was closed and never opened begins where the text does.

    Examples:
        >>> split_thinking("<thinking>Sharp.</thinking>85")
        (['Sharp.'], '85', False)
    """
    thoughts: list[str] = []
    outside: list[str] = []
    start, inside = 0, False
    for tag in THINK_TAG.finditer(text):
        closes = tag[1] == "/"
        if inside and not closes:
            continue  # opened within
        piece = text[start : tag.start()]
        if closes and not inside:
            thoughts += [*outside, piece]
            outside = []
        else:
            (thoughts if closes else outside).append(piece)
        inside, start = not closes, tag.end()
    (thoughts if inside else outside).append(text[start:])
    return thoughts, "".join(outside), inside
