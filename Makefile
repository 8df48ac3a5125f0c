# Needs make and Python 3.11 or later; brings everything else, locked, into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Dozens of processes start in a suite: none should compile anew what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKS := requirements/runtime.txt requirements/development.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

# The first interpreter that runs and is new enough; `make venv PYTHON=...` overrides it.
# (Running it matters: version switchers leave commands behind that only print an error.)
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { command -v $$python; break; }; done)

.PHONY: help venv run test soak lint format types imports check lock upgrade bench clean distclean

help:
	@echo "make venv    .venv with the locked requirements and $(BIN)/backoffice"
	@echo "make run     PostgreSQL, the service and the demonstration ledger on 127.0.0.1:8000"
	@echo "make test    linting, types, import rules and the whole test suite"
	@echo "make soak    100,000 random commands on holds, compared with a model"
	@echo "make bench   what it can carry on this machine"
	@echo "make lock    requirements/*.txt from pyproject.toml (make upgrade: to the newest)"
	@echo "make clean   what building and testing left (make distclean: .venv and ./var too)"

venv: $(STAMP)

# pip installs only uv, by the hash in the lock; uv installs the rest and removes what is not
# locked. The build backend is locked too: hence no build isolation, which would download one.
$(STAMP): pyproject.toml $(LOCKS)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed and was not found" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@awk '/^[a-z0-9]/ { wanted = /^uv==/ } wanted' requirements/development.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		--only-binary :all: -r $(VENV)/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/development.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		--editable .
	@touch $@

run: venv
	@$(BIN)/backoffice serve --demo

# Three workers on two cores: a third of the time of one is spent waiting, for what it has killed.
# Linting goes on beside them; what it finds wrong is said at the end.
test: venv
	@$(MAKE) --no-print-directory lint >$(VENV)/lint.log 2>&1 & linting=$$!; \
	$(BIN)/python -m pytest -n 3; failed=$$?; \
	wait $$linting || { cat $(VENV)/lint.log; failed=1; }; \
	exit $$failed

# An hour: as many random commands over HTTP, each compared with a simple model.
soak: venv
	@SOAK_COMMANDS=100000 $(BIN)/python -m pytest -o session_timeout=1000000 \
		tests/lives/test_lives.py

lint: format types imports

format: venv
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: venv
	@$(BIN)/mypy

imports: venv
	@$(BIN)/lint-imports --no-logo

bench: venv
	@$(BIN)/backoffice bench

# Versions stay as they are locked unless pyproject.toml asks for others.
lock: venv
	@$(COMPILE) $(UPGRADE) pyproject.toml --output-file requirements/runtime.txt
	@$(COMPILE) $(UPGRADE) pyproject.toml --group dev --constraint requirements/runtime.txt \
		--output-file requirements/development.txt

upgrade:
	@$(MAKE) lock UPGRADE=--upgrade

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find domain application projections interface tests -name __pycache__ -type d -prune \
		-exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) var
