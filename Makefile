# make demo   analyses the example pieces, prints the table and draws the plots into demo/
# make test   lint, types and the whole test suite
#
# Both make the environment .venv first and need nothing but Python 3.11 or newer. A second run
# installs nothing.
#
#   PYTHON=python3.12   the interpreter to make .venv with
#   TORCH=              leaves torch out of the test environment: the one test that compares the
#                       harmony network with its twin in torch is then skipped. Only training needs
#                       torch. The CPU build is enough; on systems where the usual package brings
#                       gigabytes of CUDA along, give pip's options too:
#                       TORCH='--index-url <of CPU builds> torch==2.13.0'

PYTHON ?= python3
TORCH ?= torch==2.13.0

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL_INPUTS := pyproject.toml constraints.txt $(wildcard build_hook/*.py) \
	src/hevner/encoders/pinned.py

.PHONY: demo test clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	$(BIN)/hevner analyze examples/audio --plot demo
	@echo "Plots are in demo/."

# Every check runs, even if an earlier one has failed.
test: $(VENV)/.installed-for-tests
	@status=0; \
	for check in "ruff check ." "ruff format --check ." "mypy" "pytest"; do \
		echo "$(BIN)/$$check"; $(BIN)/$$check || status=1; \
	done; \
	exit $$status

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hevner needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(INSTALL_INPUTS) | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

# Torch goes first, so that nothing else decides which build of it is taken.
$(VENV)/.installed-for-tests: $(INSTALL_INPUTS) | $(BIN)/python
ifneq ($(strip $(TORCH)),)
	$(PIP) install --quiet --constraint constraints.txt $(TORCH)
endif
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
