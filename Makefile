PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# One stamp per interpreter, so that another PYTHON recreates the environment.
STAMP  := $(VENV)/.installed-$(subst /,_,$(PYTHON))
SPARK  := $(VENV)/.spark-$(subst /,_,$(PYTHON))

WORKERS ?= 2
# The tests start many processes: none should compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install check test test-long demo constraints sandbox bench backtest-example mutants fuzz format dev

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with the package and its tools (quick when nothing changed)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 \
	  || { echo "Python 3.11 or newer is missing: install it (Debian: apt-get install python3 python3-venv) or name one (make PYTHON=python3.12 $(or $(MAKECMDGOALS),install))." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$$($(PYTHON) -V 2>&1) is too old: Python 3.11 or newer is needed; name one (make PYTHON=python3.12 $(or $(MAKECMDGOALS),install))." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) lacks venv or ensurepip: install them (Debian: apt-get install python3-venv) or name another Python (make PYTHON=python3.12 $(or $(MAKECMDGOALS),install))." >&2; exit 1; }
	@test -x $(BIN)/pip && test "$$($(BIN)/python -V)" = "$$($(PYTHON) -V)" || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing foot-drop-cds and its tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# PySpark is half a gigabyte, so only the long tests install it.
$(SPARK): $(STAMP)
	@echo "Installing PySpark into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[spark]'
	@touch $@

PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadgroup
PROPERTIES = tests/cards/test_properties.py tests/cards/test_property_sources.py
# The long tests that count towards the coverage, because no other test tries that code.
COVERING = $(addprefix tests/service/,$(addprefix backtest/test_,much.py report_compared.py same_as_the_service.py storage.py) \
  command reporting serving/test_overload.py)
FAST = $(BIN)/pytest -n $(WORKERS) --dist worksteal --fast

check: install ## check format, lint, types and layers, and run the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy --num-workers $(WORKERS)
	$(FAST)

test: install ## run everything that a change needs: check, and the tests with programs, nginx, PostgreSQL and a browser
	@$(BIN)/python -m tests.support.machine
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy --num-workers $(WORKERS)
	$(PYTEST) -m "not long"

test-long: install $(SPARK) ## run everything that takes longer: every test with the coverage gates, HAPI, and many draws
	@$(BIN)/python -m tests.support.machine
	$(PYTEST) -m "not long" --draws 1 --cov --cov-report= $(addprefix --ignore=,$(PROPERTIES))
	$(PYTEST) -m long --draws 1 --cov --cov-append --cov-report= $(COVERING)
	$(BIN)/coverage report --include='cards/*' --fail-under=95
	$(BIN)/coverage report --include='service/*' --fail-under=95
	$(PYTEST) -m long --draws 1 $(addprefix --ignore=,$(COVERING) $(PROPERTIES))
	$(PYTEST) --draws 2 $(PROPERTIES)
	$(BIN)/python -m tests.fuzz --bodies 3000 --no-paths --examples 100

constraints: ## resolve the versions that constraints.txt pins again
	@$(PYTHON) -m venv --clear build/constraints
	@build/constraints/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@head -n 1 constraints.txt > build/constraints.txt
	@build/constraints/bin/pip freeze --exclude-editable >> build/constraints.txt
	@grep ' alone$$' constraints.txt >> build/constraints.txt
	@mv build/constraints.txt constraints.txt

demo: install ## start the service, post every example, and print the cards
	@$(BIN)/foot-drop-cds demo

dev: install ## start the service to try it, and say where its simulator is
	@$(BIN)/foot-drop-cds serve --dev

sandbox: install ## start a HAPI FHIR server with every example, and the service with it (Java 17+, Maven; FRESH=1: forget its state)
	@$(BIN)/python -m tests.hapi --data data/fhir $(if $(FRESH),--fresh)

bench: install ## measure what a request costs, and print the table
	@$(BIN)/python -m tests.bench

backtest-example: install ## make the reports that docs/backtest_example.md shows (PATIENTS=1000: fewer; into build/)
	@$(BIN)/python -m tests.support.backtest_example build/backtest-example $(if $(PATIENTS),--patients $(PATIENTS))

mutants: install ## change each rule bit by bit, and list what no case notices (RULE=afo: one only)
	@$(BIN)/python -m tests.mutants $(RULE)

fuzz: install ## post mutated requests and what the OpenAPI document allows, and look at every answer (SEED=2: others)
	@$(BIN)/python -m tests.fuzz $(if $(SEED),--seed $(SEED))

format: install ## format the code, and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
