# make demo          analyses the example pieces, prints the table and draws the plots into demo/
# make test          lint, spelling, types and the whole test suite
# make docs          the documentation as a site, without a network: build/site/site
# make test-lowest   the command line and the analysis with the lowest versions that are allowed
# make test-pythons  the same with each of PYTHONS that is installed
#
# All make their environments first and need nothing but Python 3.11 or newer. A second run installs
# nothing.
#
#   PYTHON=python3.12   the interpreter to make the environments with
#   JOBS=2              processes of the test suite; by default one per core, at most 8
#   TORCH='--index-url <of CPU builds> torch==2.13.0'
#                       pip's options for another build of torch: on systems where the usual package
#                       brings gigabytes of CUDA along, the CPU build is enough

PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13
TORCH ?= torch==2.13.0
JOBS ?= auto

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL_INPUTS := pyproject.toml constraints.txt $(wildcard build_hook/*.py) \
	src/hevner/encoders/pinned.py
STORE := tests/requirements-store.txt
BASE_TESTS := tests/cli/test_cli.py tests/test_analysis.py tests/test_golden.py tests/test_result.py

.PHONY: demo docs test test-lowest test-pythons clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	$(BIN)/hevner analyze examples/audio --plot demo
	@echo "Plots are in demo/."

docs: $(VENV)/.installed-for-docs
	$(BIN)/python docs/build.py

# Every check runs, even if an earlier one has failed. Each test file runs in one process, since its
# tests share fixtures.
test: $(VENV)/.installed-for-tests
	@status=0; \
	for check in "ruff check ." "ruff format --check ." "codespell" "mypy" \
			"pytest -n $(JOBS) --maxprocesses 8 --dist loadfile"; do \
		echo "$(BIN)/$$check"; $(BIN)/$$check || status=1; \
	done; \
	exit $$status

test-lowest: constraints-lowest.txt
	$(PYTHON) -m venv --clear .venv-lowest
	.venv-lowest/bin/python -m pip --disable-pip-version-check install --quiet \
		--constraint constraints-lowest.txt '.[plot]' pytest hypothesis jsonschema
	.venv-lowest/bin/python -m pytest -q -W default $(BASE_TESTS)

test-pythons:
	@status=0; \
	for python in $(PYTHONS); do \
		command -v $$python >/dev/null || { echo "$$python is not installed"; continue; }; \
		$$python -m venv --clear .venv-$$python && \
		.venv-$$python/bin/python -m pip --disable-pip-version-check install --quiet \
			--constraint constraints.txt '.[plot]' pytest hypothesis jsonschema && \
		.venv-$$python/bin/python -m pytest -q $(BASE_TESTS) || status=1; \
	done; \
	exit $$status

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hevner needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(INSTALL_INPUTS) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

$(VENV)/.installed-for-docs: $(INSTALL_INPUTS) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

# Torch goes first, so that nothing else decides which build of it is taken.
$(VENV)/.installed-for-tests: $(INSTALL_INPUTS) $(STORE) | $(BIN)/python
ifneq ($(strip $(TORCH)),)
	$(PIP) install --quiet --constraint constraints.txt $(TORCH)
endif
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	$(PIP) install --quiet --no-deps --require-hashes --requirement $(STORE) || \
		echo "The tests of catalogues in object storage are skipped."
	@touch $@ $(VENV)/.installed $(VENV)/.installed-for-docs

clean:
	rm -rf .venv* demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
