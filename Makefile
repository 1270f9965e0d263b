# What a developer does with this project: `make help`.
.DEFAULT_GOAL := help
.PHONY: help setup run worker tour psql verify-audit clean test drill bench coverage browser image-test scan pin lint format spec \
	docs clients add rework lock deploy
MAKEFLAGS += --no-print-directory

# Modules rather than the programs of .venv/bin, which stop working when the folder is moved.
PYTHON := .venv/bin/python

# A line `##@ Group` begins a group of `make help`, and the text after `##` describes a target.
help:
	@awk -F ':.*## ' '/^##@ / { print substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run and operate
setup: ## install what is missing: PostgreSQL, Sqitch, pgTAP, .venv
	@sh scripts/setup.sh

run: setup ## serve http://localhost:8000 with demo data (PORT=, HOST=)
	@exec $(PYTHON) -m scripts.run

worker: setup ## run one more worker on the running database
	@exec $(PYTHON) -m scripts.worker

tour: setup ## book, complete and pay on the running server (PORT=)
	@exec $(PYTHON) -m scripts.tour

psql: setup ## psql on the running database as a DBA (SQL="select ...")
	@exec $(PYTHON) -m scripts.psql

clean: setup ## remove the development database and the caches
	@exec $(PYTHON) -m scripts.clean

pin: setup ## write the present digests of base images (skopeo or Docker)
	@exec $(PYTHON) -m scripts.pin

deploy: ## deploy to the database of the PG* variables (CLINICS=file)
	@$(if $(CLINICS),exec $(PYTHON) -m scripts.clinics,sh scripts/deploy.sh)

verify-audit: setup ## verify the audit log (SEALS=file, EXPORT=1)
	@exec $(PYTHON) -m scripts.verify_audit $(if $(SEALS),--seals $(SEALS)) $(if $(EXPORT),--export)

##@ Test
test: setup ## pgTAP and pytest (ONLY=sql ARGS=doctors.sql, LONG=1)
	@exec $(PYTHON) -m scripts.test

drill: setup ## list the drills, or run one (NAME=faults DURATION=600)
	@exec $(PYTHON) -m drills $(NAME)

bench: setup ## measure beside an older build and a peer (SCALE=, ROUNDS=)
	@exec $(PYTHON) -m drills bench

coverage: setup ## statements and branches of functions that pgTAP reaches
	@exec $(PYTHON) -m scripts.coverage

browser: setup ## test the pages in Chromium, take the picture of README
	@exec $(PYTHON) -m scripts.browser

image-test: setup ## build the images and use them (Docker, or podman as root)
	@exec $(PYTHON) -m scripts.image_test

scan: setup ## dependencies, secrets, SBOM (ONLY=secrets, sbom ...)
	@exec $(PYTHON) -m scripts.scan

LINT_openapi := scripts.clients lint
LINT_kubernetes := scripts.kubernetes
lint: setup ## check format, style, types ... (ONLY=openapi, kubernetes)
	@exec $(PYTHON) -m $(or $(LINT_$(ONLY)),scripts.lint)

##@ Write
add: ## write the files of a new function (CHANGE=domain/name)
	@sh scripts/add.sh "$(CHANGE)" "$(NOTE)" "$(TABLE)"

rework: ## prepare a released change (CHANGE=operations/advise, NOTE=)
	@sh scripts/rework.sh $(CHANGE) "$(NOTE)"

docs: setup ## write docs/sql, settings.md, openapi.json, db/contract.txt
	@exec $(PYTHON) -m scripts.docs

clients: setup ## generate clients for Python and TypeScript in build/clients
	@exec $(PYTHON) -m scripts.clients

spec: setup ## print the pgTAP suite as a specification
	@exec $(PYTHON) -m scripts.spec

format: setup ## format the Python files
	@$(PYTHON) -m ruff check --quiet --fix-only . && $(PYTHON) -m ruff format --quiet .

lock: setup ## compile pyproject.toml to requirements (ARGS=--upgrade)
	@sh scripts/lock.sh $(ARGS)
