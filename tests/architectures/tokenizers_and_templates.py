"""Tokenizers with the special tokens of a family, trained on the spot, and chat templates like the family's own.

The templates are written anew. Each does what the one of its family does: where the system turn stands, how roles are
named, where a picture's placeholder stands, what opens and what ends a turn.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from support.chat_server import BEAUTY, QUALITY
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers import models as bpe
from transformers import PreTrainedTokenizerFast

from recipe.prompts import QUESTIONS, answer_text

TEXTS = [*QUESTIONS.values(), *(answer_text(text, mos) for text in (QUALITY, BEAUTY) for mos in range(0, 101, 7))]


class Marks(NamedTuple):
    """The special tokens of a family."""

    every: Sequence[str]
    ends_turn: str
    pads: str
    named: Mapping[str, str]  # those that its processor asks the tokenizer for, by attribute
    begins_text: str | None = None  # what the tokenizer writes before every text, and the template too


def train_tokenizer(marks: Marks) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 600 tokens on the recipe's questions and answers, and the special tokens."""
    tokenizer = Tokenizer(bpe.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(marks.every),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if marks.begins_text is not None:
        first = (marks.begins_text, tokenizer.token_to_id(marks.begins_text))
        tokenizer.post_processor = processors.TemplateProcessing(f"{first[0]} $A", f"{first[0]} $A $B", [first])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=marks.begins_text,
        eos_token=marks.ends_turn,
        pad_token=marks.pads,
        extra_special_tokens=dict(marks.named),
    )


# ---------------------------------------------------------------- templates

_BLOCKS = """{%- macro blocks(content, picture) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for block in content -%}
{%- if block.type == 'image' -%}{{- picture -}}{%- elif block.type == 'text' -%}{{- block.text -}}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
"""

_CHATML = """{%- for turn in messages -%}
SYSTEM{{- '<|im_start|>' + turn.role + '\\n' + blocks(turn.content, 'PICTURE') + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""
_SYSTEM = """{%- if loop.first and turn.role != 'system' -%}
{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}
{%- endif -%}
"""


def chatml(picture: str, *, system: bool = False) -> str:
    """Turns between `<|im_start|>` and `<|im_end|>`; with `system`, a default system turn where none is given."""
    return _BLOCKS + _CHATML.replace("SYSTEM", _SYSTEM if system else "").replace("PICTURE", picture)


# Thoughts stand on lines of their own, and the prompt for an answer opens them, as in the thinking models of Qwen.
CHATML_THINKING = (
    _BLOCKS
    + """{%- for turn in messages -%}
{%- set said = blocks(turn.content, '<|vision_start|><|image_pad|><|vision_end|>') -%}
{%- if turn.role == 'assistant' and '</think>' in said -%}
{%- set thought = said.split('</think>')[0].split('<think>')[-1].strip() -%}
{%- set said = '<think>\\n' + thought + '\\n</think>\\n\\n' + said.split('</think>')[-1].strip() -%}
{%- endif -%}
{{- '<|im_start|>' + turn.role + '\\n' + said + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<think>\\n' -}}{%- endif -%}
"""
)

# Pictures come first in a turn, a space follows the role, and a new line precedes each text: the prompt for an answer
# (`assistant` and a new line) is not how the turn of an answer begins (`assistant`, a space and a new line).
LLAVA_ONEVISION = """{%- for turn in messages -%}
{{- '<|im_start|>' + turn.role + ' ' -}}
{%- if turn.content is string -%}{{- '\\n' + turn.content -}}
{%- else -%}
{%- for block in turn.content if block.type == 'image' -%}{{- '<image>' -}}{%- endfor -%}
{%- for block in turn.content if block.type == 'text' -%}{{- '\\n' + block.text -}}{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

# Roles are written out, with a space before a text and none before a picture; the prompt for an answer has no space.
IDEFICS3 = (
    _BLOCKS
    + """{{- bos_token -}}
{%- for turn in messages -%}
{%- set picture_first = turn.content is not string and turn.content[0].type == 'image' -%}
{{- turn.role | capitalize + (':' if picture_first else ': ') + blocks(turn.content, '<image>') -}}
{{- '<end_of_utterance>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}
"""
)

# The assistant is called model, and the text of a system turn stands at the head of the first turn of the user.
GEMMA3 = (
    _BLOCKS
    + """{{- bos_token -}}
{%- set preface = namespace(text='') -%}
{%- for turn in messages -%}
{%- if turn.role == 'system' -%}{%- set preface.text = blocks(turn.content, '') + '\\n\\n' -%}
{%- else -%}
{{- '<start_of_turn>' + ('model' if turn.role == 'assistant' else turn.role) + '\\n' + preface.text -}}
{{- blocks(turn.content, '<start_of_image>') | trim + '<end_of_turn>\\n' -}}
{%- set preface.text = '' -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<start_of_turn>model\\n' -}}{%- endif -%}
"""
)
