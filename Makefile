# What a developer does with this project: `make help`.
.DEFAULT_GOAL := help
.PHONY: help setup run tour psql verify-audit test coverage docs spec drill add rework lint format deploy lock clean
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

verify-audit: setup ## verify the audit log of the development database (SEALS=file, EXPORT=1)
	@exec $(PYTHON) -m scripts.verify_audit $(if $(SEALS),--seals $(SEALS)) $(if $(EXPORT),--export)

test: setup ## pgTAP and pytest on a throw-away cluster (ONLY=sql ARGS=doctors.sql, ONLY=python ARGS="-k booking")
	@exec $(PYTHON) -m scripts.test

coverage: setup ## which statements and branches of the functions pgTAP reaches
	@exec $(PYTHON) -m scripts.coverage

docs: setup ## write docs/sql and db/contract.txt from the catalog
	@exec $(PYTHON) -m scripts.docs

spec: setup ## what the system promises, in the words of its tests
	@exec $(PYTHON) -m scripts.spec

drill: setup ## list the drills, or run one (NAME=faults DURATION=600)
	@exec $(PYTHON) -m drills $(NAME)

add: ## add a function to the plan, with its scripts and a test (CHANGE=consultations/note_consultation, NOTE=, COLUMN=)
	@sh scripts/add.sh "$(CHANGE)" "$(NOTE)" "$(COLUMN)"

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
