"""Keys and passwords of servers, which stand in no message, file or page."""

import os
import re

from recipe.config import Endpoint, RationaleSettings

HIDDEN = "***"
SHORTEST = 4  # characters; what is shorter is no secret, and would be found everywhere


def endpoints_of(settings: RationaleSettings | None) -> dict[str, Endpoint]:
    """The servers of a recipe, by role."""
    if settings is None:
        return {}
    given = {"iqa": settings.iqa, "iaa": settings.iaa, "judge": settings.judge}
    return {role: endpoint for role, endpoint in given.items() if endpoint is not None}


def key_of(endpoint: Endpoint) -> str:
    return os.environ.get(endpoint.api_key_env) or "none"


def redact(text: str, settings: RationaleSettings | None) -> str:
    """The text without the keys of the recipe's servers, and without the user and password of any address."""
    for endpoint in endpoints_of(settings).values():
        key = os.environ.get(endpoint.api_key_env, "")
        password = re.search(r"//[^/\s:]*:([^/\s]*)@", endpoint.base_url)
        for secret in (key, password[1] if password else ""):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, HIDDEN)
    text = re.sub(r"(\w://)[^/\s\"']+@", rf"\1{HIDDEN}@", text)
    return re.sub(r"([?&][^=&\s]*(?:key|token|secret|password)[^=&\s]*=)[^&\s\"']+", rf"\1{HIDDEN}", text)
