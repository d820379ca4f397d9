# `make results/table9.csv` builds the table from nothing; `make test` checks the package.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= $(shell nproc)
CONFIG ?= config/mini.yaml
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: setup test test-workflow lint results/table9.csv

results/table9.csv: setup
	snakemake --cores $(CORES) --configfile $(CONFIG) -- $@
	@sppnet show $@

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

lint: setup
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check workflow
	snakemake --lint

test: setup lint
	pytest --ignore=tests/workflow/test_rebuilding.py --ignore=tests/workflow/test_provenance.py

# minutes: builds tiny tables with DVC and Snakemake, and changes what they depend on in many ways
test-workflow: setup
	pytest --timeout=1800 tests/workflow/test_rebuilding.py tests/workflow/test_provenance.py
