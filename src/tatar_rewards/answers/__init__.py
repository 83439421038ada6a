"""What a completion says: text or messages in, an `Answer` with a status and a score out.

`parse` reads a text, by the grammar of `strict` or of `lenient`; `messages` finds the text in what a trainer hands
over; `words` counts what was thought; `cures` says what to do about answers that cannot be read.
"""

from tatar_rewards.answers.answer import Answer, AnswerStatus
from tatar_rewards.answers.cures import cure_of, most_common_failure
from tatar_rewards.answers.messages import completion_text, read_completion
from tatar_rewards.answers.parse import parse_answer

__all__ = [
    "Answer",
    "AnswerStatus",
    "completion_text",
    "cure_of",
    "most_common_failure",
    "parse_answer",
    "read_completion",
]
