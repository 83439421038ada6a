# Every target sets up its own environment in .venv; PYTHON names the interpreter to build it from.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: demo test bench setup clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --constraint constraints.txt torch
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: setup
	$(RUN) examples/train_tatar.py

test: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(RUN) -m pytest -q

bench: setup
	OMP_NUM_THREADS=1 $(RUN) benchmarks/speed.py
	$(RUN) benchmarks/constant_guess.py
	$(RUN) benchmarks/calibration.py
	$(RUN) benchmarks/gather.py
	OMP_NUM_THREADS=1 $(RUN) benchmarks/staleness.py

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
