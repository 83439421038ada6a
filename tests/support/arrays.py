"""What the functions give, back on the host as numpy arrays."""

import numpy as np


def on_host(values):
    """The values as a numpy array: a tensor of a GPU does not become one by itself."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
