.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast test-clients coverage check check-page fix train report cross-validate notebook bench-training bench bench-quick capacity faults soak fuzz gradients check-release image lock clean

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
PY := .venv/bin/python

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 18

# One environment for everything. Serving installs its own lock; the development lock holds the
# same pins, so the two come in any order.
.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Digits needs Python 3.11 or later; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.serve: requirements/serve.txt | .venv
	@echo 'installing what serving needs …'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.dev: requirements/dev.txt | .venv
	@echo 'installing what development needs …'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/.serve

GROUP = import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"][sys.argv[1]])

.venv/.bench: .venv/.dev
	@echo 'installing what the benchmarks compare with …'
	@$(PY) -m pip install --quiet --disable-pip-version-check $$($(PY) -c '$(GROUP)' bench)
	@touch $@

# Other servers, each in an environment of its own.
SERVERS = mlserver litserve bentoml

.venv/peers/%/.done: | .venv
	@echo 'installing $* …'
	@$(PY) -m venv .venv/peers/$*
	@.venv/peers/$*/bin/python -m pip install --quiet --disable-pip-version-check $$($(PY) -c '$(GROUP)' $*)
	@touch $@

.venv/clients/.done: requirements/clients.txt | .venv
	@echo 'installing clients and generators of clients …'
	$(PY) -m venv .venv/clients
	@.venv/clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/fuzz/.done: requirements/fuzz.txt | .venv
	@echo 'installing the fuzzer …'
	@$(PY) -m venv .venv/fuzz
	@.venv/fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Tools that need Node: those that check the JavaScript of the page, and those that check and use the OpenAPI document.
PAGE_TOOLS = requirements/page/node_modules
CLIENT_TOOLS = requirements/clients/node_modules
# Node in the versions that both of their packages accept.
HAS_NODE = command -v npm >/dev/null && node -e 'const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(Number(!(major === 20 && minor >= 19 || major === 22 && minor >= 13 || major >= 24)))'

setup: .venv/.dev  ## install everything a developer needs
	@if $(HAS_NODE); then $(MAKE) --no-print-directory $(PAGE_TOOLS)/.package-lock.json; fi

run: .venv/.serve  ## serve on http://127.0.0.1:8000 (HOST=… PORT=…)
	@exec $(PY) -m app --host $(HOST) --port $(PORT)

# One process for each core, and one more where tests wait for a server. Each process imports all packages, so more
# than eight processes are slower. COVERAGE=1 measures the coverage of branches.
WAITING = 1
PROCESSES ?= $(shell $(PY) -c 'import os; print(min(os.cpu_count() + $(WAITING), 8))')
PYTEST = $(PY) $(if $(COVERAGE),-m coverage run) -m pytest -q --dist worksteal -n $(PROCESSES)

test: .venv/.dev  ## run the tests, except those that drive other programs (two minutes)
	$(PYTEST) -m 'not (browser or clients)'

test-fast: WAITING = 0
test-fast: .venv/.dev  ## run the tests that need no server, no browser and little time (40 seconds)
	$(PYTEST) -m 'not (slow or e2e or browser or clients)'

test-clients: .venv/.dev .venv/clients/.done  ## run the tests that drive other programs, for example a browser, nginx and Java
	@if $(HAS_NODE); then $(MAKE) --no-print-directory $(CLIENT_TOOLS)/.package-lock.json; fi
	$(PYTEST) -m 'browser or clients'

coverage: .venv/.dev  ## report what the tests with COVERAGE=1 have run, and compare it with the floor
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

check: .venv/.dev check-page  ## lint, types, format, JavaScript, Dockerfile
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	@if [ -x .venv/bin/hadolint ]; then .venv/bin/hadolint Dockerfile; \
	elif [ -n "$$CI" ]; then echo "hadolint is missing" >&2; exit 1; \
	else echo "hadolint is not built for this machine; skipped"; fi

%/node_modules/.package-lock.json: %/package-lock.json
	@echo 'installing the tools of $* …'
	@npm ci --prefix $* --no-audit --no-fund --ignore-scripts --loglevel=error

ESLINT = $(PAGE_TOOLS)/.bin/eslint --config requirements/page/eslint.config.js --max-warnings 0 \
	app/page requirements/page/eslint.config.js

.PHONY: lint-page fix-page
lint-page: $(PAGE_TOOLS)/.package-lock.json
	$(PAGE_TOOLS)/.bin/tsc --project requirements/page
	$(ESLINT)

fix-page: $(PAGE_TOOLS)/.package-lock.json
	$(ESLINT) --fix

check-page:  ## types and lint of the page's JavaScript; needs Node 20 or later
	@if $(HAS_NODE); then $(MAKE) --no-print-directory lint-page; \
	elif [ -n "$$CI" ]; then echo "Node 20 or later is missing" >&2; exit 1; \
	else echo "Node 20 or later is missing, so the JavaScript of the page is not checked"; fi

fix: .venv/.dev  ## format the code, and repair what the linters can repair
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	@if $(HAS_NODE); then $(MAKE) --no-print-directory fix-page; fi

train: .venv/.dev  ## train the network, write model/digits.npz and the report (SEED=…)
	@$(PY) -m training train $(if $(SEED),--seed $(SEED))
	@$(PY) -m training report

report: .venv/.dev  ## write the model card and its figures to training/report/
	@$(PY) -m training report

cross-validate: .venv/.dev  ## score the recipe inside the training rows
	@$(PY) -m training cross-validate

notebook: .venv/.dev  ## repeat the notebook and measure its three faults
	@$(PY) -m training notebook

bench-training: .venv/.bench  ## time our training beside scikit-learn's, PyTorch's and the notebook's
	@$(PY) -m benchmarks.training

bench: .venv/.dev $(SERVERS:%=.venv/peers/%/.done)  ## compare with other servers, and write the result into the docs (ten minutes)
	@$(PY) -m benchmarks.serving

bench-quick: .venv/.dev  ## compare with the earlier release or BEFORE=revision, and with the lower limits (five to eight minutes)
	@$(PY) -m benchmarks.serving quick $(if $(BEFORE),--before '$(BEFORE)')

capacity: .venv/.dev  ## measure the capacity model, and write its figures into docs/scaling.md (eleven minutes)
	@$(PY) -m benchmarks.capacity measure

faults: .venv/.dev  ## measure overload, slow clients, hostile files, stops, reloads, kills and rolling updates (eleven minutes)
	@$(PY) -m benchmarks.faults

soak: .venv/.dev  ## run the service under a mixed load with reloads and kills (MINUTES=… or ten minutes; PLOT=file)
	@$(PY) -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(PLOT),--plot '$(PLOT)')

fuzz: .venv/fuzz/.done  ## fuzz the four parsers of untrusted input (40 minutes; MINUTES=… for each)
	@.venv/fuzz/bin/python -m tests.fuzzing all $(if $(MINUTES),--minutes $(MINUTES))

gradients: .venv/.dev  ## check the gradients by finite differences
	@$(PY) -m training gradients

check-release: .venv/.dev  ## train again and compare with the committed weights
	@$(PY) -m training check-release

image:  ## build the container image
	docker compose build

lock: .venv/.dev  ## write requirements/*.txt anew from pyproject.toml
	@requirements/lock

clean:  ## remove what make made
	rm -rf .venv $(PAGE_TOOLS) $(CLIENT_TOOLS) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
