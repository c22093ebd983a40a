# The commands of this repository. Run `make` to list them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)

HOSTS ?= 1
PLUGINS = ansible_collections.asgi.fleet.plugins
# What runs on hosts, and its tests: on the Python of the oldest host, Ubuntu 22.04.
HOST_PYTHON = 3.10
RELEASE_FILES = roles/python_release/files
HOST_FILES = $(wildcard roles/*/files/*.py)
HOST_TESTS = tests/unit/plugins/module_utils tests/unit/plugins/modules tests/unit/roles

# One host of the lab, which `make test-ansible` expects to be up: CONTRIBUTING.md.
LAB_INVENTORY = -i molecule/shared/inventory/lab.yml -i molecule/trust/inventory --limit trust-trixie,localhost -e lab_repository=$(CURDIR)

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: bootstrap
bootstrap: ## Create .venv with the locked tools
	@tools/bootstrap

.PHONY: bootstrap-host-python
bootstrap-host-python:
	@tools/bootstrap --host-python

.PHONY: bootstrap-vm
bootstrap-vm:
	@tools/bootstrap --vm

.PHONY: bootstrap-hosts
bootstrap-hosts:
	@tools/bootstrap --hosts

.PHONY: bootstrap-docs
bootstrap-docs:
	@tools/bootstrap --docs

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
test: bootstrap-hosts bootstrap-host-python ## Everything that CI runs: lint, unit, molecule [FAST=1: of molecule, only deploy]
	@python tools/test.py $(if $(FAST),--fast)

.PHONY: lint
lint: ruff mypy yamllint ansible-lint docs-lint changelog-lint sanity site ## All linters

.PHONY: ruff
ruff: bootstrap
	ruff check --quiet .
	ruff format --quiet --check .

.PHONY: mypy
mypy: bootstrap
	mypy --no-error-summary --python-version $(HOST_PYTHON) $(addprefix -p $(PLUGINS).,module_utils modules)
	mypy --no-error-summary --python-version $(HOST_PYTHON) $(filter-out roles/tls_certificate/% roles/gunicorn_service/%,$(HOST_FILES))
	cd roles/gunicorn_service/files && mypy --no-error-summary --config-file ../../../pyproject.toml --python-version $(HOST_PYTHON) .
	cd roles/tls_certificate/files && mypy --no-error-summary --config-file ../../../pyproject.toml --python-version $(HOST_PYTHON) .
	mypy --no-error-summary -p $(PLUGINS)
	MYPYPATH=molecule/shared:roles/gunicorn_service/files mypy --no-error-summary tools tests bench cli
	cd app && mypy --no-error-summary --config-file ../pyproject.toml --exclude '^container/' .
	MYPYPATH=roles/gunicorn_service/files mypy --no-error-summary app/container/gunicorn.conf.py
	for folder in $(sort $(dir $(wildcard molecule/*/test_*.py))); do (cd $$folder && MYPYPATH=../shared:../acme:../operator:../processes:../timers:../.. mypy --no-error-summary --config-file ../../pyproject.toml .) || exit 1; done

.PHONY: yamllint
yamllint: bootstrap
	yamllint --strict .

.PHONY: ansible-lint
ansible-lint: bootstrap
	ansible-lint --offline -q

.PHONY: docs-lint
docs-lint: bootstrap
	python tools/docs.py --check
	antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent \
	  --disallow-unknown-collection-refs .

.PHONY: changelog-lint
changelog-lint: bootstrap
	antsibull-changelog lint

.PHONY: sanity
sanity: bootstrap bootstrap-host-python ## ansible-test sanity, on the collection as it is built [ARGS=...]
	tools/sanity $(ARGS)

.PHONY: unit
unit: unit-controller $(if $(ARGS),,unit-host) ## Unit and template tests, those of host code under Python 3.10 as well [ARGS=...]

.PHONY: unit-controller
unit-controller: bootstrap
	pytest -q -n auto $(ARGS)

.PHONY: unit-host
unit-host: bootstrap-host-python
	ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH=ignore .venv-host/bin/pytest -q -n auto $(ARGS) $(HOST_TESTS)

.PHONY: ways
ways: bootstrap-hosts ## Test the guides' other ways to run app/: local servers, the container, Kubernetes' manifest [ARGS=...]
	pytest -q tests/ways $(ARGS)

.PHONY: browser
browser: bootstrap-hosts ## Look at the page of a rollout in chromium: phone and screen, light and dark [ARGS=--pictures: write docs/images]
	@tools/browser $(ARGS)

.PHONY: molecule
molecule: bootstrap-hosts ## Run the scenarios, on systemd hosts in containers [SCENARIO="a b"] [KEEP=1: leave the hosts up]
	@python tools/scenarios.py $(if $(KEEP),--keep) $(SCENARIO)

.PHONY: molecule-slow
molecule-slow: bootstrap-hosts ## Run the scenarios that CI leaves out (molecule/scenarios.yml says why)
	@python tools/scenarios.py --slow $(SCENARIO)

.PHONY: test-vm
test-vm: bootstrap-vm ## Deploy to a virtual machine: a kernel of its own, cgroup v2, a real boot (about an hour without KVM)
	@python tools/scenarios.py vm

.PHONY: audit
audit: bootstrap-hosts ## Have sslyze, testssl.sh and gixy judge a deployed host, on the oldest and the newest Debian
	@python tools/scenarios.py audit

.PHONY: test-ansible
test-ansible: bootstrap-hosts ## Deploy with the oldest and the newest ansible-core from an installed collection [ARGS="--only old|oldest|newest"]
	python tools/ansible_versions.py --inventory '$(or $(INVENTORY),$(LAB_INVENTORY))' $(ARGS)

## Measurements

.PHONY: bench-releases
bench-releases: bootstrap-hosts ## Measure releases under load, three methods on one host of the demo: one JSON line [ARGS=...]
	@python -m bench.releases $(ARGS)

.PHONY: bench-fleet
bench-fleet: bootstrap-hosts ## Measure what N hosts cost the controller: first deploy, no change, release, rollback: one JSON line [N=4] [ARGS=...]
	@python -m bench.fleet measure --hosts $(or $(N),4) $(ARGS)

.PHONY: bench-ways
bench-ways: bootstrap-hosts ## Measure what each way to run app/ costs, and loses at a release: JSON lines [ARGS=--table]
	@python -m bench.ways $(ARGS)

.PHONY: bench-serve
bench-serve: bootstrap-hosts ## Measure how fast a host of the demo serves, beside what guides set up: one JSON line [ARGS="--table|--costs"]
	@python -m bench.serve $(ARGS)

.PHONY: bench-serve-short
bench-serve-short: bootstrap-hosts ## The same, as CI has it: beside one guide, JSON alone; fails on ratios only
	@python -m bench.serve --short $(ARGS)

.PHONY: bench-screen
bench-screen: bootstrap ## Measure what the picture of a rollout costs, in turns with Ansible's output: one JSON line [ARGS="--turns 4 -- command"]
	@python -m bench.screen $(ARGS)

.PHONY: bench-source
bench-source: bootstrap ## Measure what packing a large source costs the controller: one JSON line [ARGS="--type git --megabytes 3000"]
	@python -m bench.source $(ARGS)

## Upkeep

.PHONY: docs
docs: bootstrap ## Generate the pages made from the roles' argument specs and the table of inputs
	@python tools/docs.py

.PHONY: docs-site
docs-site: bootstrap ## Build the pages of the plugins and roles in .cache/docs/html
	install -d -m 755 .cache/docs/rst
	antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --cleanup everything \
	  --dest-dir .cache/docs/rst asgi.fleet
	sphinx-build -q -W --keep-going -c tools/docsite .cache/docs/rst .cache/docs/html

.PHONY: wheel
wheel: bootstrap ## Build the package asgi-fleet, the short command, in dist/ (docs/command-line.md)
	uv build --wheel --clear --out-dir dist cli

.PHONY: site
site: bootstrap-docs docs-site ## Build the documentation as a site in .cache/site/html, with every link checked
	.venv-docs/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows docs/ci/deploy.yml docs/ci/rollout.yml
	.venv-docs/bin/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci docs/ci/gitlab.yml
	@python tools/site.py

.PHONY: changelog
changelog: bootstrap ## Write CHANGELOG.rst with the fragments of galaxy.yml's version
	antsibull-changelog release --update-existing --reload-plugins --refresh

.PHONY: lock
lock: bootstrap ## Lock requirements-*.in and the role's with hashes; UPGRADE=1 takes newer versions
	$(call lock,requirements-dev,3.12)
	$(call lock,requirements-audit,3.12)
	$(call lock,requirements-docs,3.12)
	$(call lock,requirements-host,$(HOST_PYTHON))
	$(call lock,$(RELEASE_FILES)/server-requirements,$(HOST_PYTHON))
	$(call lock,bench/serving/requirements,3.11)
	$(call lock,$(RELEASE_FILES)/build-requirements,$(HOST_PYTHON))
	$(call lock,$(RELEASE_FILES)/poetry-requirements,3.12)
	$(call lock,roles/tls_certificate/files/certbot-requirements,$(HOST_PYTHON))

define lock
uv pip compile --quiet --generate-hashes --universal --python-version $(2) --no-emit-index-url --no-emit-find-links \
  --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) --output-file $(1).txt $(1).in
endef

.PHONY: clean
clean: ## Remove caches and logs; keeps .venv and the demo
	rm -rf .cache/logs .cache/molecule .mypy_cache .pytest_cache .ruff_cache
