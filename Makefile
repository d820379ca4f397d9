# `make results/table9.csv` builds the table from nothing; `make test` checks the package.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
# of results/voc07/table9.csv: config/voc07.yaml
CONFIG ?= $(or $(wildcard config/$(word 2,$(subst /, ,$@)).yaml),config/mini.yaml)
WORKFLOW_TESTS := $(addprefix tests/workflow/test_,rebuilding.py provenance.py own_data.py failures.py)
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: setup test test-workflow lint FORCE

# Snakemake knows whether a table is out of date.
results/%.csv: setup FORCE
	snakemake --cores $(CORES) --configfile $(CONFIG) -- $@
	@sppnet show $@

results/%: setup FORCE
	snakemake --cores $(CORES) --configfile $(CONFIG) -- $@

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python -m compileall -q sppnet
	touch $@

lint: setup
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check workflow
	snakemake --lint

test: setup lint
	pytest $(WORKFLOW_TESTS:%=--ignore=%)

# minutes: builds tiny tables with DVC and Snakemake, changes what they depend on in many ways, and
# kills jobs; SPPNET_KILLS=20 does the last at random so many times
test-workflow: setup
	pytest --timeout=1800 $(WORKFLOW_TESTS)
