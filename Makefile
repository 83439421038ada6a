# Every target sets up its own environment in .venv; PYTHON names the interpreter to build it from.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: demo quick test bench gpu study study-quick profile fuzz mutants test-trl-matrix test-lowest test-adapters test-architectures docs docs-mkdocs docs-serve setup clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade "pip>=25.1"
	$(RUN) -m pip install --quiet --constraint constraints.txt torch
	$(RUN) -m pip install --quiet --constraint constraints.txt --group dev --editable ".[recipe]"
	touch $@

demo: setup
	$(RUN) examples/train_tatar.py

# All but what runs trainers, several processes or the examples: a minute.
quick: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(RUN) -m pytest -q -m quick $(TWO)

# Two processes share the files of tests between them.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

test: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(RUN) -m pytest -q $(TWO)

bench: setup
	OMP_NUM_THREADS=1 $(RUN) benchmarks/speed.py
	$(RUN) benchmarks/parsing_time.py
	$(RUN) benchmarks/import_time.py
	$(RUN) benchmarks/gpu.py
	OMP_NUM_THREADS=1 $(RUN) benchmarks/step.py
	OMP_NUM_THREADS=1 $(RUN) -m torch.distributed.run --standalone --nproc-per-node 2 benchmarks/step.py
	$(RUN) benchmarks/constant_guess.py
	$(RUN) benchmarks/calibration.py
	$(RUN) benchmarks/deviations.py
	$(RUN) benchmarks/gather.py
	$(RUN) benchmarks/memory.py
	OMP_NUM_THREADS=1 $(RUN) benchmarks/staleness.py

# On a machine with a GPU, with the Python that has torch for it: five minutes, no network.
gpu:
	$(PYTHON) tools/gpu.py

# Which reward trains best: hours on two cores, going on where it was stopped; the results are in the repository.
study: setup
	OMP_NUM_THREADS=1 $(RUN) benchmarks/study/run.py
	OMP_NUM_THREADS=1 $(RUN) benchmarks/study/tiny_model.py
	$(RUN) benchmarks/study/show.py --draw

study-quick: setup
	OMP_NUM_THREADS=1 $(RUN) benchmarks/study/run.py --quick
	$(RUN) benchmarks/study/show.py --quick

# The demo once more, under a profiler: whose time it is.
profile: setup
	$(RUN) -m pip install --quiet --constraint constraints.txt --group profile
	$(RUN) benchmarks/demo_profile.py

# Minutes of coverage-guided and of random inputs; FUZZ_SECONDS=600 takes more of them.
FUZZ_SECONDS ?= 120
fuzz: setup
	$(RUN) -m pip install --quiet --constraint constraints.txt --group fuzz
	$(RUN) tools/fuzz.py $(FUZZ_SECONDS)
	HYPOTHESIS_PROFILE=thorough $(RUN) -m pytest -q tests/test_answers.py tests/test_robust.py tests/test_hacks.py

# About an hour on two cores; the survivors are listed at the end.
mutants: setup
	$(RUN) -m pip install --quiet --constraint constraints.txt --group mutants
	OMP_NUM_THREADS=1 $(VENV)/bin/mutmut run
	-$(VENV)/bin/mutmut results
	$(RUN) tools/mutants.py

# The quick tests with the lowest versions that pyproject.toml declares; what needs torch or TRL is skipped.
test-lowest:
	$(PYTHON) tools/lowest_versions.py

test-trl-matrix: setup
	$(RUN) tools/trl_matrix.py

# The adapters in the real code of the frameworks, at the commits that docs/frameworks.md names: fetches them first.
test-adapters: setup
	$(RUN) tools/frameworks.py

# The recipe on tiny models of the real architectures, on the CPU: its own environment of 6 GB, then some minutes.
test-architectures:
	$(PYTHON) tools/real_architectures.py

# The pages in docs/ as a site in site/, by Zensical; it stops at a broken link.
DOCS := .venv-docs
docs: $(DOCS)/.ready
	$(DOCS)/bin/python tools/draw_curves.py
	$(DOCS)/bin/zensical build --strict --clean

# The same site from the same mkdocs.yml, by MkDocs 1.
docs-mkdocs: $(DOCS)/.ready
	$(DOCS)/bin/python tools/draw_curves.py
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

# The site at http://localhost:8000, built anew when a page changes.
docs-serve: $(DOCS)/.ready
	$(DOCS)/bin/zensical serve

$(DOCS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(DOCS)/bin/python -m pip install --quiet --group docs --editable .
	touch $@

clean:
	rm -rf $(VENV) $(DOCS) site .cache .venv-trl .venv-lowest .venv-architectures .frameworks mutants runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
