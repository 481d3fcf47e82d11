PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test lint screenshots clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## Create .venv and install everything that run and test need

$(STAMP): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Stepwedge needs Python 3.11 or newer; call: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	touch $(STAMP)

run: install ## Start the whole service with the demo model and a demo stream
	$(BIN)/stepwedge up --demo

test: install lint ## Lint, type-check and run the tests
	$(BIN)/pytest --numprocesses 3 --dist worksteal

lint: install ## ruff, import-linter, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

screenshots: install ## Picture every page of the running service (STEPWEDGE_PORT; STEPWEDGE_KEY to log in) into screenshots/
	$(BIN)/python -m tests.console.screenshots

clean: ## Remove what was installed and built (data in .stepwedge stays)
	rm -rf $(VENV) screenshots build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
