# Lakelab. `make` alone lists what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
SCALE ?=
SEED ?=
DIRT ?=
STUDENT ?=
WORKERS ?=
ONLY ?=
NIFI ?=
PART ?=
VARS ?=
FILE ?= $(lastword $(sort $(wildcard bundle/*.tar)))
# uv as `make load` or pip brought it into .tools, else from the machine.
UV := $(or $(wildcard .tools/bin/uv),$(shell command -v uv 2>/dev/null),.tools/bin/uv)
# Packages are linked out of uv's cache (or that of `make load`) where the disk allows it; no Python is downloaded.
SYNC := $(if $(wildcard .tools/uv-cache),UV_CACHE_DIR=.tools/uv-cache) UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --frozen --inexact --python $(PYTHON) --quiet
RUN := .venv/.lakelab-run
CLIENTS := .venv/.lakelab-clients
DEV := .venv/.lakelab-dev
LAB := .venv/bin/lab
PIP_INSTALL := install --quiet --disable-pip-version-check --no-warn-script-location
OPTIONS := $(if $(SCALE),--scale $(SCALE)) $(if $(SEED),--seed $(SEED)) $(if $(DIRT),--dirt $(DIRT))

.PHONY: help
help: ## Show this list
	@echo "make demo           the whole pipeline with nothing but Python; start here"
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | grep -v '^help\|^demo' | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | awk -F'|' '{printf "%-19s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(RUN) ## Make a school, run the whole pipeline, show the answers (SCALE=students SEED=number DIRT=share)
	@$(LAB) demo $(OPTIONS)

.PHONY: install
install: $(RUN) ## Install the Python packages into .venv

# The Python's own pip fills an environment without one, which is made in no time; where it has none, venv brings one.
.tools/bin/uv:
	@echo "Bringing uv ..."
	@{ $(PYTHON) -m venv --without-pip .tools && $(PYTHON) -m pip --python .tools/bin/python $(PIP_INSTALL) uv; } 2>/dev/null || \
	  { $(PYTHON) -m venv --clear .tools || { echo "lab: $(PYTHON) cannot make a virtual environment: install python3-venv" >&2; exit 1; }; \
	    .tools/bin/pip $(PIP_INSTALL) uv; }

.PHONY: packages
packages: $(DEV) ## Those and what the tests need

.PHONY: python
python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
	  { echo "lab: $(PYTHON) is not Python 3.11, 3.12 or 3.13: say which one, as in make demo PYTHON=python3.12" >&2; exit 1; }

# From the cache alone first: without a network, and because asking the index takes longer than all the rest.
$(RUN): uv.lock pyproject.toml | python $(filter .tools/%,$(UV))
	@$(SYNC) --no-dev --offline 2>/dev/null || { echo "Installing the packages (about 20 s the first time) ..."; $(SYNC) --no-dev; }
	@touch $@

$(CLIENTS): uv.lock pyproject.toml | python $(filter .tools/%,$(UV))
	@$(SYNC) --no-dev --group clients --offline 2>/dev/null || { echo "Installing the packages (about 20 s the first time) ..."; $(SYNC) --no-dev --group clients; }
	@touch $@ $(RUN)

$(DEV): uv.lock pyproject.toml | python $(filter .tools/%,$(UV))
	@$(SYNC) --offline 2>/dev/null || { echo "Installing the packages ..."; $(SYNC); }
	@touch $@ $(RUN) $(CLIENTS)

# The checks of types take as long as the unit tests, and each a single core.
.PHONY: test
test: $(DEV) ## Prove it: checks, unit tests in seconds, then real Postgres and Spark
	@$(MAKE) --no-print-directory -j2 unit lint
	@$(MAKE) --no-print-directory contract
	@$(MAKE) --no-print-directory embedded

.PHONY: lint
lint: $(DEV) ## Check style and types
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check --quiet || { echo "run: make format" >&2; exit 1; }
	@.venv/bin/mypy

.PHONY: unit
unit: $(DEV) ## The fast tests alone
	@.venv/bin/pytest tests/unit -q

# Most of it waits for clusters and steps, so three endpoints of ours share it; one that was given answers alone.
.PHONY: contract
contract: $(DEV) ## What EMR promises, asked of the lab's endpoint by boto3 and the AWS CLI (LAB_CONTRACT_ENDPOINT=url: of another one)
	@.venv/bin/pytest tests/contract -q $(if $(LAB_CONTRACT_ENDPOINT),,-n 3)

# Of the stack's services, on Postgres and processes of this machine: too long for `make test`, which is for every change.
SERVICES := $(wildcard tests/embedded/test_api_*.py) \
  $(addprefix tests/embedded/test_,emr_contract.py emr_load.py jobs_quotes.py)

# Two labs, and two files at a time: half of each is a JVM that starts, which is one core's work.
.PHONY: embedded
embedded: $(DEV) ## The tests with real Postgres and Spark, and the documents
	@.venv/bin/pytest tests/embedded tests/docs -q $(addprefix --ignore=,$(SERVICES)) -n 2 --dist loadfile

.PHONY: test-services
test-services: $(DEV) ## The tests of the API, the EMR endpoint and the streaming job that take minutes; no engine needed
	@.venv/bin/pytest $(SERVICES) -q --durations=10

.PHONY: test-terraform
test-terraform: $(DEV) ## The AWS target: Terraform's files and plans, CloudFormation's template; no engine needed
	@.venv/bin/pytest tests/terraform -q --durations=5

.PHONY: bench
bench: $(DEV) ## Measure against what you would use instead; keeps docs/benchmarks.md
	@.venv/bin/python -m bench

.PHONY: bench-live
bench-live: $(DEV) ## Measure real time on the running stack, about 8 minutes (PART=kafka, hive, changes, intake or memory)
	@.venv/bin/python -m bench.live $(if $(PART),--only $(PART))

.PHONY: format
format: $(DEV) ## Format the code
	@.venv/bin/ruff check --fix --quiet; .venv/bin/ruff format --quiet

.PHONY: render
render: $(RUN) ## Write the files that are made from the catalogue
	@.venv/bin/python -m lakelab.render

.PHONY: doctor
doctor: $(RUN) ## Is this machine fit for the lab?
	@$(LAB) doctor

.PHONY: status
status: $(RUN) ## What the lab holds and how the last run ended; of the stack: health, memory and addresses
	@$(LAB) status
	@$(LAB) stack status --if-any

.PHONY: sql
sql: $(RUN) ## A SQL shell on the warehouse
	@$(LAB) sql

.PHONY: serve
serve: $(CLIENTS) ## An EMR on this machine for boto3 and the AWS CLI, without the stack
	@$(LAB) emr serve

.PHONY: erase
erase: $(RUN) ## Erase one student everywhere (STUDENT=number)
	@$(LAB) erase $(STUDENT)

.PHONY: reset
reset: ## Stop everything and delete the data, of the stack too (packages and images stay; ONLY=embedded or ONLY=stack)
	@if [ -x $(LAB) ] && [ "$(ONLY)" != stack ]; then $(LAB) reset --yes; fi
	@if [ -x $(LAB) ] && [ "$(ONLY)" != embedded ]; then $(LAB) stack reset --yes --if-any; fi

.PHONY: engine
engine: ## The stack's first step where there is no Docker: install and start an engine (Debian, Ubuntu; root)
	@sh compose/engine.sh

.PHONY: browser
browser: ## What the stack's tests look with: a Chromium, where there is none (Debian; root)
	@sh tests/stack/browser.sh

.PHONY: build
build: $(CLIENTS) ## Build the stack's images (about 15 minutes the first time)
	@$(LAB) stack build

.PHONY: up
up: $(CLIENTS) ## Start the stack and wait until it is well (WORKERS=nodes; ONLY=batch or ONLY=live: that half; NIFI=1: NiFi, too)
	@$(LAB) stack up $(if $(WORKERS),--workers $(WORKERS)) $(if $(ONLY),--only $(ONLY)) $(if $(NIFI),--nifi)

.PHONY: down
down: $(CLIENTS) ## Stop the stack; its data stays
	@$(LAB) stack down

.PHONY: logs
logs: $(CLIENTS) ## What the stack's services wrote
	@$(LAB) stack logs

.PHONY: urls
urls: $(CLIENTS) ## Every address of the stack with its login
	@$(LAB) stack urls

.PHONY: rehearse
rehearse: $(CLIENTS) ## Rehearse the deployment to AWS on the running stack: apply, a run, empty plan, destroy (VARS="transient=true …")
	@$(LAB) rehearse $(foreach var,$(VARS),--var '$(var)')

.PHONY: aws-package
aws-package: $(RUN) ## Make what Terraform copies to AWS beside the jobs
	@$(LAB) package

.PHONY: bundle
bundle: $(CLIENTS) ## One file with all images and packages, for a classroom without a network
	@$(LAB) stack bundle

# With nothing but Python: what the lab needs is in the file.
.PHONY: load
load: python ## Take such a file (FILE=path)
	@$(PYTHON) -m lab.stack.load "$(FILE)"
	@touch uv.lock; $(MAKE) --no-print-directory $(CLIENTS)

# Where there is memory for it two at a time: the stack's tests, and those that have no use for it.
.PHONY: test-stack
test-stack: $(DEV) ## The tests on a live stack of their own (LAB_TEST_STACK=running: on yours)
	@[ "$$LAB_TEST_STACK" = running ] || $(LAB) stack build
	@.venv/bin/pytest tests/dags tests/offline $(ALSO) tests/stack -q --durations=15 -n auto

# The stack's tests leave a quarter of two cores to others.
.PHONY: test-rest
test-rest: ## What `make test` leaves: test-stack, and beside it test-services and test-terraform
	@$(MAKE) --no-print-directory test-stack ALSO="$(SERVICES) tests/terraform"
