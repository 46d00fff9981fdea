# Two commands matter: `make demo` shows the product, `make test` proves it. `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test test-rules check check-style check-types check-architecture check-settings \
	check-migrations check-api format bench bench-full openapi reference constraints install clean
SHELL := /bin/bash
PORT ?= 8000
# The newest suitable Python on the PATH, unless you name one: `make demo PYTHON=/opt/python3.12/bin/python3`.
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Of the patients' pages in other languages than English.
CATALOGS := $(patsubst %.po,%.mo,$(wildcard clinic/locale/*/LC_MESSAGES/django.po))
# Two test processes, each with servers of its own; one when you name the servers, since two would empty one Redis.
WORKERS ?= $(if $(DATABASE_URL)$(REDIS_URL),0,2)
TEST_ENV := CLINIC_MODE=test
# Set in many images. Every process that the demo or a test starts would then compile all of the product anew.
unexport PYTHONDONTWRITEBYTECODE
# A production-like environment, for the deployment checks only; nothing listens at these addresses.
DEPLOY_ENV := CLINIC_MODE=production SITE_URL=https://alder.example REDIS_URL=redis://redis.example:6379/0 \
	DATABASE_URL=postgresql://clinic@db.example/clinic EMAIL_URL=smtp+tls://mail.example:587 MAIL_FROM=post@alder.example \
	SECRET_KEY=only-for-checking-the-settings-0123456789-abcdefghijklmnopqrstuvwxyz

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/.with-services $(CATALOGS) ## the clinic with fictional people, on this machine only (PORT=8001 make demo for another port)
	@CLINIC_MODE=demo PORT=$(PORT) exec $(BIN)/python -m clinic.local demo

demo-reset: .venv/.with-services $(CATALOGS) ## throw the demo's data away and start it afresh
	@CLINIC_MODE=demo PORT=$(PORT) exec $(BIN)/python -m clinic.local demo --reset

test: .venv/.with-tests $(CATALOGS) .venv-validators/.done ## everything: rules, database, real processes, browser (ARGS="-k name" for some)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-rules: .venv/.with-tests ## only the rules, laws on fewer examples; seconds, starts nothing
	@LAWS=few $(BIN)/python -m pytest -q --numprocesses 2 --dist loadfile --no-loadscope-reorder $(wildcard tests/*/rules) $(ARGS)

check: check-style check-types check-architecture check-settings check-migrations check-api ## format, lint, types, floors, settings, migrations, API schema

check-style: .venv/.with-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

check-types: .venv/.with-tests
	$(TEST_ENV) $(BIN)/mypy

check-architecture: .venv/.with-tests
	$(BIN)/lint-imports

check-settings: .venv/.with-tests $(CATALOGS)
	$(DEPLOY_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING

check-migrations: .venv/.with-tests
	@# With no label: `makemigrations sessions` would look at Django's own application of that name.
	$(TEST_ENV) $(BIN)/python -m clinic.local with-services $(BIN)/python manage.py makemigrations --check --dry-run

check-api: .venv/.with-tests
	$(TEST_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file .openapi.new.yaml
	@diff -u docs/openapi.yaml .openapi.new.yaml && rm .openapi.new.yaml || \
		{ rm -f .openapi.new.yaml; echo "The API differs from docs/openapi.yaml. If that is meant: make openapi"; exit 1; }

openapi: .venv/.with-tests ## write docs/openapi.yaml anew
	$(TEST_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

reference: .venv/.with-tests ## write the protocol language's tables and JSON Schema anew
	@$(TEST_ENV) $(BIN)/python manage.py protocol_reference

format: .venv/.with-tests ## put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.with-tests ## the benchmarks: one line of ratios each, fails when one falls short
	@$(TEST_ENV) $(BIN)/python -m clinic.local with-services $(BIN)/python -m tests.benchmarks

bench-full: .venv/.with-tests ## the same at full size
	@$(TEST_ENV) $(BIN)/python -m clinic.local with-services $(BIN)/python -m tests.benchmarks --full

install: .venv/.with-tests $(CATALOGS) ## only make .venv

constraints: .venv/.with-tests ## write down the versions that pip chose
	@{ echo '# Every version that `pip install -r requirements-dev.txt` chose; renew with `make constraints`.'; \
		$(BIN)/pip freeze; } > constraints.txt

clean: ## remove .venv and caches; the demo's data stays
	rm -rf .venv .venv-validators .mypy_cache .ruff_cache .pytest_cache .import_linter_cache staticfiles

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Name one: make demo PYTHON=/path/to/python3"; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv .venv || { echo "Python could not make .venv. On Debian and Ubuntu: apt install python3-venv"; rm -rf .venv; exit 1; }

.venv/.with-services: requirements.txt requirements-local.txt constraints.txt | .venv/bin/pip
	@echo "Installing what the product and its local services need (once; about a minute) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-local.txt
	@touch $@

.venv/.with-tests: .venv/.with-services requirements-dev.txt
	@echo "Installing what the tests and checks need (once) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Babel compiles them: no gettext programs are needed.
$(CATALOGS): %.mo: %.po | .venv/.with-services
	@$(BIN)/python -m clinic.catalogs

# What checks the exports needs an old pydantic, which has no wheel for Python 3.13 and newer: without it those tests say so.
.venv-validators/.done: requirements-validators.txt | .venv/bin/pip
	@echo "Installing what checks the exports, in an environment of its own (once) …"
	@rm -rf .venv-validators && $(BIN)/python -m venv .venv-validators
	@.venv-validators/bin/pip install --quiet --disable-pip-version-check -r requirements-validators.txt \
		|| $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'
	@touch $@
