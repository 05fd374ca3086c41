# Every target creates .venv and builds what it needs, once; nothing here needs root.
PYTHON ?= python3
# Another Python has an environment of its own: make test PYTHON=python3.13
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
DEMO := $(VENV)/.demo
DEV := $(VENV)/.dev
BUILT := $(VENV)/.kernels
KERNELS := $(wildcard kernels/*.pyx kernels/*.pxd kernels/*.h)
# The compiler this Python builds extensions with, and where its headers are.
COMPILER = $$($(PYTHON) -c 'import os, sysconfig; print((os.getenv("CC") or sysconfig.get_config_var("CC")).split()[0])')
INCLUDE = import sysconfig; print(sysconfig.get_path("include"))
# Bytecode of what is run, and of nothing else: compiling it takes a start longer than all the rest.
COMPILE = import dashboard.tui.app, dashboard.demo.gym, dashboard.record.record, dashboard.tui.screens.history, \
  edge.node.node, textual.drivers.headless_driver, textual.drivers.linux_driver, textual.pilot; \
  from station.cli import commands; [one.load() for one in commands().values()]

# What pip installs here is compiled when it is first used, and kept: without, every child would do it again.
export PYTHONDONTWRITEBYTECODE :=
# Half of a test's time is waiting for brokers, ports and children.
WORKERS = $$(( $$(nproc) < 8 ? 2 * $$(nproc) : $$(nproc) ))

.DEFAULT_GOAL := help
.PHONY: help demo test thorough lint kernels docs bench accuracy faults chain pi deb release clean

help: ## what there is to make
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(DEMO) ## broker, four simulated stations and the dashboard, on this terminal
	@$(BIN)/plumbline demo

test: $(BUILT) ## run the tests
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not long"

thorough: $(BUILT) ## run the tests that take longer, as CI does after make test
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m long

kernels: $(BUILT) ## compile the kernels that have changed

docs: $(DEV) ## the documents as a site with search, in build/docs
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	@$(BIN)/sphinx-build -q -W --keep-going docs build/docs
	@echo "build/docs/index.html"

lint: $(BUILT) ## ruff, mypy, import-linter, cython-lint, stubs of the kernels
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint kernels
	$(BIN)/stubtest kernels --allowlist kernels/.stubtest-allowlist --ignore-disjoint-bases

bench: $(BUILT) ## print speeds and latencies, as ratios against a peer in the same run
	@$(BIN)/python -m tests.benchmarks

accuracy: $(BUILT) ## score the kernels on the simulator's truth, against limits and README; QUICK=1: few lifters
	@$(BIN)/python -m tests.accuracy --against README.md $(if $(QUICK),--seeds 3 --doubtful 200)

faults: $(BUILT) ## break broker, network, disk, power and sensors on purpose, and print what came of it
	@$(BIN)/python -m tests.faults

chain: $(BUILT) ## kill the servers of a chain of gyms in turn, and count what is lost
	@$(BIN)/python -m tests.faults.chain
	@$(BIN)/python -m tests.faults.chain --quick --power

pi: $(BUILT) ## as root: the program on a Pi's processor, emulated, in a Debian root of arm64 (20 minutes)
	@$(BIN)/python -m tests.packaging.pi

deb: $(BUILT) ## as root: Debian packages of the node for amd64 and arm64, checked and tried in a root
	@$(BIN)/python -m tests.packaging.deb

release: $(BUILT) ## check version, changelog and figures, and build what is uploaded; QUICK=1 rehearses it
	@$(BIN)/python -m tests.release $(if $(QUICK),--quick)

clean: ## remove everything that was built
	rm -rf .venv .venv-* build dist *.egg-info kernels/*.c kernels/*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BUILT): $(DEV) $(KERNELS)
	@CFLAGS="-w $$CFLAGS" $(BIN)/python setup.py -q build_ext --inplace
	@touch $@

# The demo needs a quarter of what the tests and tools need, and somebody waits for it.
$(DEMO): $(KERNELS)
$(DEMO) $(DEV): pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "make: $(PYTHON) is missing or older than 3.11; install python3 or set PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "make: python3-venv is missing; apt-get install python3-venv" >&2; exit 1; }
	@command -v $(COMPILER) >/dev/null \
	  || { echo "make: no C compiler; apt-get install gcc libc6-dev" >&2; exit 1; }
	@echo '#include <Python.h>' | $(COMPILER) -E -I"$$($(PYTHON) -c '$(INCLUDE)')" - >/dev/null 2>&1 \
	  || { echo "make: Python.h or the C headers are missing; apt-get install python3-dev libc6-dev" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "make: installing Plumbline and what it needs into $(VENV), once; a minute or two"
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -e '.[$(if $(filter $(DEV),$@),dev,demo)]'
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -c '$(COMPILE)'
	@touch $(DEMO) $@
