"""Start real processes."""

import os
import subprocess
import sys


def torchrun(world, *command, seconds=240):
    """Run on `world` processes; a hang ends in subprocess.TimeoutExpired."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*launcher, *map(str, command)], capture_output=True, text=True, timeout=seconds, check=False, env=environment
    )
