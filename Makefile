# The two commands that do everything (`make run`, `make test`), and the ones a developer adds.
#
#   make run         environment, install, libzmq with the draft API, the scenario suite
#   make test        the same environment, then the test suite on that Python
#   make test-all    the test suite on 3.11, 3.12 and 3.13, each in its own environment
#   make check       format, lint, types, tests
#   make slow        the test suite with the slow tests (builds, downloads, long searches)
#   make bench       executions per second, next to the rivals
#   make sctbench    schedules to the first bug of the SCTBench programs, beside published numbers
#   make catalogue   runs the scenarios, writes scenarios/README.md and docs/claims.md from that
#   make clean       removes the environments and what tools left behind
#
# PYTHON=/path/to/python3 chooses the interpreter, VENV=folder the environment,
# ARGS='...' is handed on to the command or to pytest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?=
ARGS ?=
# Three workers for two processors, because tests of servers and processes wait; ARGS='-n 0 ...' runs
# the tests in one process, as a debugger needs it.
PROCESSORS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS := -n $(shell expr \( $(PROCESSORS) \* 3 + 1 \) / 2) --maxprocesses 8 --dist loadfile
# A named interpreter gets an environment of its own, so that nobody tests 3.12 in one made of 3.13.
ifeq ($(PYTHON),)
VENV ?= .venv
else ifndef VENV
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(VENV),.venv-)
$(error $(PYTHON) does not run: name a Python 3.11 or newer with make PYTHON=/path/to/python3)
endif
endif

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RIVALS := frontrun 'interleave-test; python_version >= "3.12"'

.PHONY: help run test test-all check slow bench sctbench catalogue clean env zmq-draft

help:
	@sed -n '3,14s/^# \{0,1\}//p' Makefile

run: zmq-draft
	@$(BIN)/racecheck run $(ARGS)

test: zmq-draft
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

test-all:
	@RACECHECK_WHOLE=1 .ci/run

slow: zmq-draft
	@$(BIN)/python -m pytest $(WORKERS) --slow $(ARGS)

check: env
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_house_rules.py -q
	@$(MAKE) test

# In an environment of its own: frontrun is a pytest plugin, and not one of ours.
bench:
	@$(MAKE) env VENV=$(VENV)-bench
	@for rival in $(RIVALS); do \
	    $(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check "$$rival" \
	        || echo "$$rival could not be installed; the table will say so."; \
	done
	@$(VENV)-bench/bin/python -m tests.bench $(ARGS)

# Half an hour at most, with two processes; ARGS='--seconds 300 --programs reorder_3,stack' is shorter.
sctbench: env
	@$(BIN)/python -m tests.bench.sctbench $(ARGS)

catalogue: zmq-draft
	@mkdir -p build
	@$(BIN)/racecheck run --json build/results.json $(ARGS)
	@$(BIN)/python -m pytest_racecheck.catalogue.table build/results.json

clean:
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .racecheck

env: $(STAMP)

# CLIENT and SERVER need it. Where it cannot be had the rest still runs, and `racecheck run` reports
# those scenarios as not runnable here, with the command; so a failure here is said, not fatal.
zmq-draft: env
	@$(BIN)/racecheck doctor --enable zmq-draft \
	    || echo "Going on without the draft API: CLIENT/SERVER will be reported as could not be run here."

$(STAMP): pyproject.toml
	@python="$(PYTHON)"; [ -n "$$python" ] || python=$$(.ci/python); \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "$$python is not Python 3.11 or newer: name one with make PYTHON=/path/to/python3" >&2; exit 3; }; \
	[ -x $(BIN)/python ] || "$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 3; }
	@echo "Installing into $(VENV) ($$($(BIN)/python --version))"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
