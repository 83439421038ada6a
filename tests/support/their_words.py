"""Words of libraries that no message to a user may hold."""

import re

THEIRS = re.compile(r"pydantic|ArgsKwargs|validation error|Input should|Value error|input_value|ValidationError")
