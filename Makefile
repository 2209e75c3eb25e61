# `make up` and `make test` do everything on a fresh machine; `make help` lists the rest.
SHELL := /bin/sh
SETTINGS := HOME,XDG_CACHE_HOME,SIAGA_CACHE,SIAGA_CONFIG,SIAGA_STATE,SIAGA_SIP_BIND,SIAGA_AGI_BIND,SIAGA_AGI_PEERS,SIAGA_SIMULATION_BIND,SIAGA_RTP_FIRST,SIAGA_RTP_LAST,SIAGA_AMI_BIND,SIAGA_DESK_BIND,SIAGA_WS_BIND,SIAGA_MQTT_BIND,SIAGA_MQTT_URL,SIAGA_DATABASE_URL,SIAGA_JOURNAL_DAYS,SIAGA_RECORDING_DAYS
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=$(SETTINGS),PYTHONDONTWRITEBYTECODE)
SIAGA := .venv/bin/siaga
export PYTHONDONTWRITEBYTECODE = 1

AS_IT_IS := NOT renewed, for what is said above (is there a network?): going on with .venv as it is
NOT_UPGRADED := not upgraded: this code does not start, for what is said above. The line goes on as it was, \
    but what ends there does not come up again: mend the code, or go back with git
NOTED := -o cache_dir=var/pytest
ONCE_MORE := What failed beside two other lines is tried once more, alone: two cores are late at times.
N ?= 50
SEED ?= 112
ONLY ?=
REDIALS ?= 50000
SECONDS ?= 600

.PHONY: help up upgrade down drain test check unit e2e faults soak docker bench sounds format root venv web tools

help:  ## List the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' Makefile | expand -t 10

up: root venv web  ## Build what is missing, start everything, say how to dial
	@$(AS_ROOT) $(SIAGA) up

upgrade: root venv web  ## Bring this checkout into use on the running line; no call ends
	@$(SIAGA) --version >/dev/null || { echo "$(NOT_UPGRADED)" >&2; exit 1; }
	@$(AS_ROOT) $(SIAGA) upgrade

down: $(SIAGA)  ## Stop what `make up` started, and nothing else
	@$(AS_ROOT) $(SIAGA) down

drain: $(SIAGA)  ## The same, but let the calls inside finish first (SECONDS=600)
	@$(AS_ROOT) $(SIAGA) down --drain --seconds $(SECONDS)

test: root venv web tools check unit e2e  ## Format, lint, types, layers, then every test against real parts

check:
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-cache > var/lint-imports.log 2>&1 || { cat var/lint-imports.log; exit 1; }
	@$(SIAGA) check

unit:
	@.venv/bin/coverage run -m pytest -q --timeout=100 tests/unit tests/wire tests/records
	@.venv/bin/coverage report

e2e:
	@$(AS_ROOT) .venv/bin/pytest -q $(NOTED) -n 3 --dist loadfile tests/e2e || { echo "$(ONCE_MORE)"; \
	    $(AS_ROOT) .venv/bin/pytest -q $(NOTED) -n 1 --last-failed --last-failed-no-failures none tests/e2e; }
	@$(AS_ROOT) .venv/bin/pytest -q -p no:cacheprovider tests/faults

faults: root venv  ## Strike every fault N times (N=50 SEED=112 ONLY=name); writes tests/faults/README.md
	@$(AS_ROOT) env PYTHONPATH=tests/e2e:tests/faults .venv/bin/python tests/faults/campaign.py \
	    -n $(N) --seed $(SEED) --only "$(ONLY)"

soak: root venv  ## Redial a refusing trunk 50,000 times (REDIALS=50000) and weigh Asterisk
	@$(AS_ROOT) env PYTHONPATH=tests/e2e:tests/faults .venv/bin/python tests/faults/soak.py -n $(REDIALS)

docker:  ## Prove docker-compose.yml on a Docker engine started for it
	@$(AS_ROOT) sh tests/e2e/docker.sh

bench: root venv  ## Measure speed and memory; writes tests/bench/README.md
	@$(AS_ROOT) env PYTHONPATH=tests/e2e .venv/bin/python tests/bench/bench.py
	@.venv/bin/python tests/bench/agi.py
	@.venv/bin/python tests/bench/ingest.py
	@.venv/bin/python tests/bench/lag.py
	@.venv/bin/python tests/bench/report.py
	@.venv/bin/python tests/bench/check.py
	@$(AS_ROOT) .venv/bin/python tests/bench/console.py

sounds: venv tools  ## Speak the prompts whose text has changed
	@$(SIAGA) prompts

format: venv  ## Put the code in its format
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

root:
	@asterisk/root.sh build >/dev/null

venv:
	@mkdir -p var
	@asterisk/root.sh uv sync --quiet --frozen || { test -x $(SIAGA) && echo "$(AS_IT_IS)" >&2; }

web:
	@asterisk/root.sh web

# To stop a line takes nothing new.
$(SIAGA):
	@$(MAKE) --no-print-directory venv

tools:
	@asterisk/root.sh tools espeak-ng sox chromium
