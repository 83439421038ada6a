"""One module a trainer, for what a trainer needs beside the rewards. Each imports its trainer, so import it by name."""
