"""One module a trainer, for what it needs beside the rewards; `docs/frameworks.md` has the settings of each.

`trl` and `checkpoints` import transformers, so import them by name. The others import no trainer.
"""
