# Two commands do everything: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check format bench chaos screenshots walk schema messages lock audit sbom clean

run: $(VENV)/.runtime ## the whole portal with simulated Azure, in the foreground
	@exec $(BIN)/python manage.py portal

test: $(VENV)/.dev ## all tests that this machine can run; says what it skips and why
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## everything that CI checks, tests included
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/deptry .
	cd cli && ../$(BIN)/deptry .
	$(BIN)/python -m supply.secrets
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/stdout | diff docs/openapi.yaml - || { echo "docs/openapi.yaml is stale: make schema"; exit 1; }
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') FIELD_KEYS=$$($(BIN)/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') ALLOWED_HOSTS=portal.test ENTRA_TENANT_ID=7f4b1a52-0c6d-4c34-9d1e-5a2f6f1f0a01 ENTRA_CLIENT_ID=c1a5e3d7-6b1f-4f0e-9a53-8f2f1d6e0c03 ACCESS_ANCHOR=/var/lib/anchor ACCESS_ANCHOR_KEYS=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(48))') DATABASE_URL=postgres://localhost/none REDIS_URL=redis://localhost DJANGO_SETTINGS_MODULE=portal.settings.production $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

bench: $(VENV)/.dev ## speed and memory, as ratios to a baseline
	$(BIN)/python -m bench

SEEDS ?= 100
MINUTES ?= 0
FLEETS ?= 1
chaos: $(VENV)/.dev ## people, dying workers, failing Azure: SEEDS=100 runs, MINUTES at most, or SEED=17 again in words
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --minutes $(MINUTES))
	@[ -n "$(SEED)" ] || CHAOS=long $(BIN)/python -m pytest tests/chaos -m chaos $(ARGS)
	@[ -n "$(SEED)" ] || $(BIN)/python -m tests.chaos.fleet --seeds $(FLEETS)

screenshots: $(VENV)/.dev ## the README's pictures, from the running product
	$(BIN)/python -m docs.screenshots

walk: $(VENV)/.dev ## the README's walk through the command line, from the running product
	$(BIN)/python -m docs.cli_walk

schema: $(VENV)/.dev
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

messages: $(VENV)/.dev ## what vendors read, in their languages: taken from the code, checked, compiled
	$(BIN)/python -m supply.messages

lock: $(VENV)/.dev ## after a change of requirements*.in
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.txt

audit: $(VENV)/.dev ## known weaknesses of what requirements.txt locks; 3: nobody who knows answered
	$(BIN)/python -m supply.audit

sbom: $(VENV)/.dev ## the bill of materials, var/sbom.json (CycloneDX)
	@$(BIN)/python -m supply.sbom

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The lock names everything: nothing is resolved here, where a newer release could disturb it.
$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing what the portal runs on …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
