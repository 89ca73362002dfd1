# Leadline. `make help` lists the targets; each may be run again at any time.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench lock format docs clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

install: $(VENV)/.installed ## build .venv with leadline in it

demo: $(VENV)/.installed ## the main job, end to end, on real calls over loopback
	@$(BIN)/leadline demo $(ARGS)

check: $(VENV)/.installed-dev ## format, lint, types, import contracts, then the quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/architecture tests/unit

test: $(VENV)/.installed-dev ## every test, two at a time, quick ones first; gets sipp if it is missing
	@tools/get-sipp >/dev/null
	$(BIN)/pytest -n 2 --maxschedchunk 1 $(ARGS)

bench: $(VENV)/.installed-dev ## the benchmarks, each beside its ceiling in the same run
	$(BIN)/python bench/run.py $(ARGS)

docs: $(VENV)/.installed-dev ## the documentation, as a site under site/
	$(BIN)/mkdocs build --strict

format: $(VENV)/.installed-dev ## let ruff write the format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed-dev ## pin every dependency again, by hash
	tools/lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .tools site leadline-demo .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.installed: requirements.lock pyproject.toml
	@tools/make-venv $(VENV) requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml
	@tools/make-venv $(VENV) requirements-dev.lock
	@touch $(VENV)/.installed $@
