PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One stamp per interpreter, so that another PYTHON makes the environment anew.
STAMP  := $(VENV)/.installed-$(subst /,_,$(PYTHON))

.DEFAULT_GOAL := help
.PHONY: help install test demo sandbox bench mutants format dev

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with the package and its tools (quick when nothing changed)

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 \
	  || { echo "Python 3.11 or newer is missing: install it (Debian: apt-get install python3 python3-venv) or name one (make PYTHON=python3.12 $(or $(MAKECMDGOALS),install))." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$$($(PYTHON) -V 2>&1) is too old: Python 3.11 or newer is needed; name one (make PYTHON=python3.12 $(or $(MAKECMDGOALS),install))." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) lacks venv or ensurepip: install them (Debian: apt-get install python3-venv) or name another Python (make PYTHON=python3.12 $(or $(MAKECMDGOALS),install))." >&2; exit 1; }
	@test -x $(BIN)/pip && test "$$($(BIN)/python -V)" = "$$($(PYTHON) -V)" || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing foot-drop-cds and its tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

test: install ## check format, lint, types and house rules, and run every test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest --cov=cards

demo: install ## start the service, post every example, and print the cards
	@$(BIN)/foot-drop-cds demo

dev: install ## start the service for trying out, and say where its simulator is
	@$(BIN)/foot-drop-cds serve --dev

sandbox: install ## start a HAPI FHIR server with every example, and the service beside it (Java 17+, Maven)
	@$(BIN)/python -m tests.hapi

bench: install ## measure what a request costs, and print the table
	@$(BIN)/python -m tests.bench

mutants: install ## change each rule bit by bit, and list what no case notices (RULE=afo: one only)
	@$(BIN)/python -m tests.mutants $(RULE)

format: install ## format the code, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
