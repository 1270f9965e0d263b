# What a developer does with this project: `make help`.
.DEFAULT_GOAL := help
.PHONY: help setup run tour psql verify-audit test properties coverage docs spec mutants races attack faults scale-bench migrate-drill partition-drill rework lint format deploy lock clean
MAKEFLAGS += --no-print-directory

# Modules rather than the programs of .venv/bin, which stop working when the folder is moved.
PYTHON := .venv/bin/python

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: PostgreSQL, Sqitch, pgTAP, .venv
	@sh scripts/setup.sh

run: setup ## serve http://localhost:8000 with demo data until Ctrl-C (PORT=, HOST=)
	@exec $(PYTHON) -m scripts.run

tour: setup ## walk through the clinic's main job on the running server (PORT=)
	@exec $(PYTHON) -m scripts.tour

psql: setup ## psql on the running development database as a DBA (SQL="select ...")
	@exec $(PYTHON) -m scripts.psql

verify-audit: setup ## verify the audit trail of the development database (SEALS=file, EXPORT=1)
	@exec $(PYTHON) -m scripts.verify_audit $(if $(SEALS),--seals $(SEALS)) $(if $(EXPORT),--export)

test: setup ## pgTAP and pytest on a throw-away cluster (ONLY=sql ARGS=doctors.sql, ONLY=python ARGS="-k booking")
	@exec $(PYTHON) -m scripts.test

coverage: setup ## which statements and branches of the functions pgTAP reaches
	@exec $(PYTHON) -m scripts.coverage

properties: setup ## the functions against a model, at random (RUNS=2000, SEED=)
	@exec env ONLY=python ARGS="-s tests/properties" PROPERTY_RUNS="$${RUNS:-2000}" $(PYTHON) -m scripts.test

docs: setup ## write the SQL reference (docs/sql) from the catalog
	@exec $(PYTHON) -m scripts.docs

spec: setup ## what the system promises, in the words of its tests
	@exec $(PYTHON) -m scripts.spec

mutants: setup ## break the schema and see whether the tests notice (COUNT=300, SEED=, KIND=, REPORT=1)
	@exec $(PYTHON) -m tests.mutants

races: setup ## 64 clients at once on one slot, key or payment (ROUNDS=, CLIENTS=, SEED=, REPORT=1)
	@exec $(PYTHON) -m tests.races

attack: setup ## forge contexts, look behind every wall, call everything with nonsense (CALLS=20000, SEED=)
	@exec env ONLY=python ARGS="-s tests/attacks" ATTACK_CALLS="$${CALLS:-20000}" $(PYTHON) -m scripts.test

faults: setup ## break everything under load and check what is left (DURATION=600, SEED=, REPORT=file)
	@exec $(PYTHON) -m tests.faults

scale-bench: setup ## the hot paths with a history of years (SIZES="100000 1000000", SECONDS=10, REPORT=1)
	@exec $(PYTHON) -m tests.scale

migrate-drill: setup ## deploy and revert the newest release under load (CLIENTS=50, SECONDS=15, SEED=)
	@exec $(PYTHON) -m tests.migrations

partition-drill: setup ## turn consultations into partitions under load (ROWS=1000000, CLIENTS=8, SECONDS=15, LEAD=60, SEED=)
	@exec $(PYTHON) -m tests.partitions

rework: ## prepare a released change to be changed (CHANGE=operations/advise, NOTE=)
	@sh scripts/rework.sh $(CHANGE) "$(NOTE)"

lint: setup ## check format, style, types, shell and the Sqitch scripts
	@exec $(PYTHON) -m scripts.lint

format: setup ## put the Python files into the format that lint asks for
	@$(PYTHON) -m ruff check --quiet --fix-only . && $(PYTHON) -m ruff format --quiet .

deploy: ## bring the database of the PG* variables up to date (PGDATABASE=telemed)
	@sh scripts/deploy.sh

lock: setup ## compile pyproject.toml into requirements*.txt (ARGS=--upgrade for newer versions)
	@sh scripts/lock.sh $(ARGS)

clean: setup ## remove the development database and the caches
	@exec $(PYTHON) -m scripts.clean
