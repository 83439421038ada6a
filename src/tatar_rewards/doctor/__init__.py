"""The doctor: what will go wrong with a training set-up, and what to change. From a shell:

    python -m tatar_rewards doctor run.yaml --dataset train.jsonl --world-size 8

`setup` puts the checks together; `training` looks at rewards and settings, `data` at columns and labels, `comparisons`
at what rankings can compare, `probes` at what the rewards pay for answers whose worth is known.
"""

from tatar_rewards.doctor.report import Report
from tatar_rewards.doctor.setup import check_setup
from tatar_rewards.findings import Finding

__all__ = ["Finding", "Report", "check_setup"]
