# Every target creates .venv and builds what it needs, once; nothing here needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KERNELS := $(wildcard kernels/*.pyx kernels/*.pxd)

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench accuracy clean

help: ## what there is to make
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) ## broker, four simulated stations and the dashboard, on this terminal
	@$(BIN)/plumbline demo

test: $(INSTALLED) ## run the tests
	@$(BIN)/pytest

lint: $(INSTALLED) ## ruff, mypy, import-linter, cython-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint kernels

bench: $(INSTALLED) ## print speeds and latencies, as ratios against a peer in the same run
	@$(BIN)/python -m tests.benchmarks

accuracy: $(INSTALLED) ## score the kernels on the simulator's truth and print the table
	@$(BIN)/python -m tests.accuracy

clean: ## remove everything that was built
	rm -rf $(VENV) build dist *.egg-info kernels/*.c kernels/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml setup.py $(KERNELS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "make: $(PYTHON) is missing or older than 3.11; install python3 or set PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "make: python3-venv is missing; apt-get install python3-venv" >&2; exit 1; }
	@command -v cc >/dev/null \
	  || { echo "make: no C compiler; apt-get install gcc" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
	  || { echo "make: Python.h is missing; apt-get install python3-dev" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "make: installing Plumbline and what it needs into $(VENV), once"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
