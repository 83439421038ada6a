"""What the doctor found, and how it is printed."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tatar_rewards.findings import Finding


@dataclass(frozen=True)
class Report:
    """What `check_setup` found. `print` shows it as a table.

    Attributes:
        facts: What a run would do: completions and images a call, images that can be compared; what was assumed, and
            what was not looked at.
        findings: What is wrong or worth knowing, each with `check`, `problem`, `cure` and `kind`.
    """

    facts: Mapping[str, str]
    findings: Sequence[Finding]

    @property
    def faults(self) -> list[Finding]:
        """What ends a run, or keeps it from learning what it should."""
        return [finding for finding in self.findings if finding.kind == "fault"]

    @property
    def advice(self) -> list[Finding]:
        """What is worth knowing, and stops nothing."""
        return [finding for finding in self.findings if finding.kind == "advice"]

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def to_json(self) -> str:
        """Facts and findings, as JSON."""
        findings = [
            {"check": found.check, "kind": found.kind, "problem": found.problem, "cure": found.cure}
            for found in self.findings
        ]
        return json.dumps({"ok": self.ok, "facts": dict(self.facts), "findings": findings}, indent=2)

    def __str__(self) -> str:
        width = max(map(len, [*self.facts, *(finding.check for finding in self.findings)]), default=0)
        lines = []
        for name, value in self.facts.items():
            lines += _paragraph(name, textwrap.wrap(value, 100), width)
        for finding in self.faults:
            lines += ["", *_show(finding, width)]
        if self.advice:
            lines += ["", "Advice, which stops nothing:"]
        for finding in self.advice:
            lines += ["", *_show(finding, width)]
        return "\n".join([*lines, "", self.verdict()])

    def verdict(self) -> str:
        """How many faults and pieces of advice there are."""
        n_faults, n_advice = len(self.faults), len(self.advice)
        advice = f"{n_advice} piece{'s' * (n_advice > 1)} of advice"
        if not n_faults and not n_advice:
            seen = "the data" not in self.facts.get("not looked at", "").split(", ")
            return "Nothing found." if seen else "Nothing found in the settings; give the data too (--dataset)."
        if not n_faults:
            return f"No fault found. {advice}."
        return f"{n_faults} fault{'s' * (n_faults > 1)}{', ' + advice if n_advice else ''}."


def _show(finding: Finding, width: int) -> list[str]:
    text = textwrap.wrap(f"{finding.problem}.", 100) + textwrap.wrap(f"-> {finding.cure}.", 100)
    return _paragraph(finding.check, text, width)


def _paragraph(name: str, text: Sequence[str], width: int) -> list[str]:
    first, *more = text or [""]
    return [f"{name:<{width}}  {first}", *(" " * (width + 2) + line for line in more)]
