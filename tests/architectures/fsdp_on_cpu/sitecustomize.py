"""FSDP on CPUs, in every process whose PYTHONPATH names this folder: Python imports a `sitecustomize` when it starts.

accelerate reads the settings of FSDP, and then takes them only where processes have accelerators (the list in
`AcceleratorState.__init__`). Here its state takes processes on CPUs for such. All that follows is as it is on GPUs.
"""

from accelerate.state import AcceleratorState, DistributedType, PartialState

make = AcceleratorState.__init__


def make_as_on_gpus(self, *args, **kwargs):
    if PartialState._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
    make(self, *args, **kwargs)


AcceleratorState.__init__ = make_as_on_gpus
