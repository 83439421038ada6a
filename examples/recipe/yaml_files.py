"""YAML as people write it: numbers and truth as YAML 1.2 has them."""

import re
from typing import Any, ClassVar

import yaml


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml is not typed here
    """Numbers and truth as YAML 1.2 has them: PyYAML, of 1.1, reads 1e-5 as a text and `save_strategy: no` as False."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$", re.IGNORECASE), list("tTfF"))


def read_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)
