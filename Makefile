# The commands of this repository. Run `make` to list them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)

HOSTS ?= 1
PYTHON_FILES = tools tests bench $(wildcard roles/*/files/*.py)

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: bootstrap
bootstrap: ## Create .venv with the locked tools
	@tools/bootstrap

.PHONY: bootstrap-hosts
bootstrap-hosts:
	@tools/bootstrap --hosts

## The demo

.PHONY: demo
demo: bootstrap-hosts ## Boot hosts here and deploy app/ to them [HOSTS=n] [DEMO_IMAGE=ubuntu:24.04]
	@python tools/demo.py up --hosts $(HOSTS) $(if $(DEMO_IMAGE),--image $(DEMO_IMAGE))

.PHONY: demo-down
demo-down: bootstrap ## Remove everything that `make demo` created [IMAGES=1: the images as well]
	@python tools/demo.py down $(if $(IMAGES),--images)

.PHONY: demo-measure
demo-measure: bootstrap-hosts ## Time a first deploy, a deploy without changes and a release: one JSON line [HOSTS=n]
	@python tools/demo.py measure --hosts $(HOSTS) $(if $(DEMO_IMAGE),--image $(DEMO_IMAGE))

## Checks

.PHONY: test
test: bootstrap-hosts ## Run everything that CI runs: lint, unit, molecule
	@summary=(); status=0; \
	for part in lint unit molecule; do \
	  echo "== $$part"; start=$$SECONDS; \
	  if $(MAKE) --no-print-directory $$part; then result=passed; else result=FAILED; status=1; fi; \
	  summary+=("$$(printf '%-10s %-8s %5d s' $$part $$result $$((SECONDS - start)))"); \
	done; \
	echo; printf '%s\n' "$${summary[@]}" "$$(printf '%-19s %5d s' total $$SECONDS)"; \
	exit $$status

.PHONY: lint
lint: bootstrap ruff mypy yamllint ansible-lint ## Run all linters

.PHONY: ruff
ruff: bootstrap
	ruff check --quiet .
	ruff format --quiet --check .

.PHONY: mypy
mypy: bootstrap
	mypy --no-error-summary -p ansible_collections.asgi.fleet.plugins
	mypy --no-error-summary $(PYTHON_FILES)
	cd app && mypy --no-error-summary --config-file ../pyproject.toml .
	for scenario in zero_downtime fleet; do (cd molecule/$$scenario && MYPYPATH=../shared mypy --no-error-summary --config-file ../../pyproject.toml .) || exit 1; done

.PHONY: yamllint
yamllint: bootstrap
	yamllint --strict .

.PHONY: ansible-lint
ansible-lint: bootstrap
	ansible-lint --offline -q

.PHONY: unit
unit: bootstrap ## Run the unit and template tests [ARGS=...]
	pytest -q -n auto $(ARGS)

.PHONY: molecule
molecule: bootstrap-hosts ## Run the scenarios, on systemd hosts in containers [SCENARIO="a b"] [KEEP=1: leave the hosts up]
	@python tools/scenarios.py $(if $(KEEP),--keep) $(SCENARIO)

.PHONY: molecule-slow
molecule-slow: bootstrap-hosts ## Run the scenarios that CI leaves out (molecule/scenarios.yml says why)
	@python tools/scenarios.py --slow $(SCENARIO)

## Measurements

.PHONY: bench-releases
bench-releases: bootstrap-hosts ## Measure releases under load, three methods on one host of the demo: one JSON line [ARGS=...]
	@python -m bench.releases $(ARGS)

.PHONY: bench-fleet
bench-fleet: bootstrap-hosts ## Measure what N hosts cost the controller: first deploy, no change, release, rollback: one JSON line [N=4] [ARGS=...]
	@python -m bench.fleet measure --hosts $(or $(N),4) $(ARGS)

## Upkeep

.PHONY: docs
docs: bootstrap ## Generate the pages made from the roles' argument specs and the table of inputs
	@python tools/docs.py

.PHONY: lock
lock: bootstrap ## Lock requirements-dev.in with hashes [UPGRADE=1: with newer versions]
	uv pip compile --quiet --generate-hashes --universal --python-version 3.12 --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) --output-file requirements-dev.txt requirements-dev.in

.PHONY: clean
clean: ## Remove caches and logs; keeps .venv and the demo
	rm -rf .cache/logs .cache/molecule .mypy_cache .pytest_cache .ruff_cache
