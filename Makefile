# `make gate` installs what a gate needs; `make demo` and `make test` are for a machine where
# somebody looks around or works on it.  Everything else is below.
# Needs python3 (3.11 or newer); what else is missing is installed into .venv from the lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
GATE := $(VENV)/.gate
WORKERS ?= 3
SUITE ?= bookworm
ARCH ?= amd64
QUICK := not (system or broker or faces or servers or slow)
# Tests run beside each other: more threads than cores would only wait for one another.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-header --no-emit-index-url
COVERED := gateway/decide gateway/doors gateway/ledger gateway/uplink drivers/readers/osdp

.DEFAULT_GOAL := help
UPGRADES ?= 3
.PHONY: help upgrades gate setup demo quick test coverage lint locale docs bench lock deb deb-test clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

gate: $(GATE)  ## Make the virtual environment of a gate: no tools for tests, from hashes

$(GATE): requirements-gate.lock pyproject.toml setup.sh gateway/__init__.py
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh ./setup.sh gate
	@touch $@

setup: $(STAMP)  ## Make the virtual environment from the locked versions

$(STAMP): requirements.lock pyproject.toml setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh ./setup.sh
	@touch $@

demo: $(STAMP)  ## Run the real gateway at a simulated gate (KEEP=1 leaves it running)
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

quick: $(STAMP)  ## The tests that need no daemon, broker, camera or server (a minute)
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -n 2 -m "$(QUICK)" $(ARGS)

test: $(STAMP)  ## Run all tests; the broker is a real mosquitto
	@sh ./setup.sh servers
	@$(BIN)/python -m demo.photos --quiet
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

coverage: $(STAMP)  ## Branch coverage by folder: at least 95 % where a fault would open a door
	@sh ./setup.sh servers
	@$(BIN)/python -m demo.photos --quiet
	@$(BIN)/python -m pytest -n 2 -m "not system" --cov --cov-report= $(ARGS)
	@$(foreach part,$(COVERED),printf '%-24s ' $(part) && $(BIN)/coverage report \
		--include='$(part)/*' --format=total --precision=1 --fail-under=95 &&) true

lint: $(STAMP)  ## Style, types, directions of imports, and the unit's hardening
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m gateway.locale check
	@sh systemd/check.sh

locale: $(STAMP)  ## Bring new words of the code into the catalogues, and compile them
	$(BIN)/python -m gateway.locale extract
	$(BIN)/python -m gateway.locale compile

docs: $(STAMP)  ## Build the documentation as a site that works offline: build/docs
	@$(BIN)/python -m manual

bench: $(STAMP)  ## Measure every figure (an hour); ARGS="latency peer" some, SAVE=1 keeps them
	@sh ./setup.sh servers
	@$(BIN)/python -m demo.photos --quiet
	$(BIN)/python -W ignore -m benchmarks $(ARGS) $(if $(SAVE),--save)

upgrades: $(STAMP)  ## Upgrade DEB in a copy of ROOT, killed at random (UPGRADES=3; 50 takes 20 minutes)
	@$(BIN)/python deploy/debian/upgrades.py "$(DEB)" "$(ROOT)" --count $(UPGRADES) $(ARGS)

lock:  ## Resolve the versions anew into both locks; a gate's are those that were tested
	$(BIN)/python -m pip install -q uv
	$(LOCK) --extra demo --extra dev --extra gate pyproject.toml -o requirements.lock
	$(LOCK) --extra gate -c requirements.lock pyproject.toml -o requirements-gate.lock

deb: $(STAMP)  ## Build the Debian packages into build/deb (SUITE=bookworm ARCH=amd64; as root)
	@sh deploy/debian/build.sh "$(SUITE)" "$(ARCH)"

deb-test:  ## Install, run, upgrade, go back, remove and purge the packages in a chroot (as root)
	@sh deploy/debian/try.sh "$(SUITE)"

clean:  ## Remove what was made here (not the data of a gateway)
	rm -rf $(VENV) .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
