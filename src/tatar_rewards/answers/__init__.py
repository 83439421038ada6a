"""What a completion says: text or messages in, an `Answer` with a status and a score out.

`parse` reads a text, by the grammar of `strict` or of `lenient`; `messages` finds the text in what a trainer hands
over; `words` counts what was thought.
"""

from tatar_rewards.answers.answer import Answer, AnswerStatus
from tatar_rewards.answers.messages import completion_text, read_completion
from tatar_rewards.answers.parse import parse_answer

__all__ = ["Answer", "AnswerStatus", "completion_text", "parse_answer", "read_completion"]
