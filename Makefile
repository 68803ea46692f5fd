# Game Night Live. `make` alone prints what there is.
PORT ?= 5000
HOST ?= localhost
PYTHON ?= python3
ROLE ?= bot
STAGE ?= local
SUB ?= $(ROLE)
T ?= tests/unit/nights tests/unit/connections tests/unit/delivery
TTL ?=
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run demo listen token deploy rehearse test test-fast test-slow test-all check lock format specs tables screenshots test-model test-arm64 test-dynamodb-local bench-fanout bench-cold-start bench-broadcast bench-end-to-end bench-votes soak scale clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo; echo "  The command gamenight is $(BIN)/gamenight; this puts it on the PATH:  . $(BIN)/activate"

NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }

# pip installs uv, and uv everything else. Two makes at once may both install uv, and either copy will do. From then on
# uv makes one wait for the other.
UV := .venv-uv/bin/uv
$(UV): requirements/uv.txt
	@$(NEW_ENOUGH)
	@echo "Installing uv..." >&2
	@new=.venv-uv.$$$$ && trap "rm -rf $$new" EXIT && mkdir -p $(@D) && \
		{ $(PYTHON) -m pip install $(PIP_OPTIONS) --target $$new -r $< 2> /dev/null || \
			{ $(PYTHON) -m venv $$new && $$new/bin/pip install $(PIP_OPTIONS) -r $< >&2; }; } && \
		mv -f $$new/bin/uv $@ && touch $@
PIP_OPTIONS := --quiet --disable-pip-version-check --no-compile

# uv shows its progress on a terminal only, so a program that reads a token sees none of it.
INSTALL = echo "Installing $< into $(@D)..." >&2 && \
	$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(@D) && \
	$(UV) pip install --python $(@D)/bin/python $$(test -t 2 || echo --quiet) --require-hashes --no-deps -r $<

$(VENV)/.%: requirements/%.txt pyproject.toml | $(UV)
	@$(INSTALL)
	@$(UV) pip install --python $(@D)/bin/python --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# MiniStack pins a botocore of its own, so it lives in an environment of its own. So does aiobotocore; and
# checkov pins boto3.
.venv-%/.installed: requirements/%.txt | $(UV)
	@$(INSTALL)
	@touch $@

MINISTACK := .venv-ministack/.installed
SERVING := $(VENV)/.run $(MINISTACK)
TESTING := $(VENV)/.test $(MINISTACK)

install: $(SERVING) $(TESTING) $(VENV)/.check ## install everything that running, testing and deploying need

run: $(SERVING) ## serve http and ws on localhost (PORT=5000; HOST=0.0.0.0 for other devices too)
	@$(BIN)/gamenight serve --port="$(PORT)" --host="$(HOST)"

demo: $(SERVING) ## play a night with a few bots, for a first look
	@$(BIN)/gamenight demo --stage $(STAGE)

listen: $(VENV)/.run ## show the events of all nights as they happen (STAGE=local)
	@$(BIN)/gamenight listen --stage $(STAGE)

token: $(VENV)/.run ## print a token (ROLE=bot, SUB=bot, TTL=seconds, STAGE=local)
	@$(BIN)/gamenight token --role $(ROLE) --sub "$(SUB)" $(if $(TTL),--ttl $(TTL)) --stage $(STAGE)

deploy: $(VENV)/.run ## deploy a stage on AWS (STAGE=dev)
	@$(BIN)/gamenight stage deploy --stage $(STAGE)

rehearse: $(TESTING) ## deploy, try, change and remove a stage, on an emulator
	@$(BIN)/gamenight stage rehearse

# Every test has its own addresses and folders, so as many run at once as there are cores.
PYTEST := $(BIN)/pytest -q -n auto --dist loadscope --no-loadscope-reorder
FAST := tests/conformance tests/seed tests/specifications tests/integration tests/unit

test: $(TESTING) ## run the fast suites: rules, use cases, storage, a night on the local gateway, clients of the plain frames
	@$(PYTEST) -m 'not rare and not slow' $(FAST)

test-fast: $(TESTING) ## run what you name, or rules and use cases, in seconds (T=tests/unit/nights)
	@$(BIN)/pytest -q $(T)

test-slow: $(TESTING) ## run what `make test` leaves out: the page, bots, clients, documents, faults, the model
	@$(PYTEST) $$(grep -rl --include=*.py mark.slow $(FAST)) \
		$(filter-out $(FAST) tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))

test-all: test test-slow ## run every test but the rare ones

test-model: $(TESTING) ## test the model of a night, with its rare mutants (some minutes)
	@$(PYTEST) tests/model -m ''

test-arm64: $(VENV)/.test ## enter the package under an arm64 Python (Debian, qemu-user)
	@$(BIN)/pytest -q tests/arm64 -m ''

screenshots: $(TESTING) ## retake the pictures of the page in docs/images (chromium)
	@$(BIN)/python -m tests.page.screenshots

test-dynamodb-local: $(TESTING) ## run the storage and conformance suites on AWS's own engine (Java, npm)
	@$(BIN)/python -m infra.dynamodb_local -- $(PYTEST) tests/integration/dynamodb tests/conformance tests/local

check: $(VENV)/.check .venv-checkov/.installed ## check format, lint, types, layers, the stack and its security, known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint infra/deploy/*.yaml docs/recipes/*.yaml
	@.venv-checkov/bin/checkov --config-file .checkov.yaml --file infra/deploy/stack.yaml infra/deploy/events.yaml
	@.venv-checkov/bin/python -W ignore -m infra.dev.policies
	@$(BIN)/gamenight dev audit

lock: $(UV) ## pin what the .in files of requirements name, with hashes
	@for file in requirements $(patsubst %.in,%,$(wildcard requirements/*.in)); do \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
			--custom-compile-command "make lock" $$file.in --output-file $$file.txt || exit; done

specs: $(VENV)/.run ## write the specifications that are served, and the clients' types, from the code
	@$(BIN)/gamenight dev specs

tables: $(SERVING) ## write the items and costs of an example night into docs/tables.md
	@$(BIN)/gamenight dev tables page

format: $(VENV)/.check ## rewrite the code in house style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-fanout: .venv-bench/.installed ## measure posts per second, ours and others' (nginx-light, wrk; some minutes)
	@.venv-bench/bin/python -m benchmarks.fanout

bench-votes: $(TESTING) ## measure votes per second on one session: two engines, and over HTTP (Java, npm)
	@$(BIN)/python -m benchmarks.votes
	@$(BIN)/python -m benchmarks.votes_over_http

bench-broadcast: $(TESTING) .venv-bench/.installed ## measure the time from a stream record to the last post (nginx-light, Java, npm; long)
	@$(BIN)/python -m benchmarks.broadcast
	@.venv-bench/bin/python -m benchmarks.broadcast.chart

scale: $(VENV)/.run ## print the time and money to reach 1,000 to 10 million connections, and what binds
	@$(BIN)/python -m benchmarks.scale

bench-end-to-end: $(TESTING) .venv-bench/.installed ## measure the time from POST to the last client, ours and one Node.js process
	@$(BIN)/python -m benchmarks.end_to_end
	@.venv-bench/bin/python -m benchmarks.end_to_end.chart

soak: $(TESTING) .venv-bench/.installed ## check that 5,000 clients lose no event of 200, with 20 lost connections a second, and memory stays flat (ten minutes)
	@$(BIN)/python -m benchmarks.soak
	@.venv-bench/bin/python -m benchmarks.soak.chart

bench-cold-start: $(VENV)/.run ## measure the cold start of each function, with its first event
	@$(BIN)/python -m benchmarks.cold_start

clean: ## remove what was installed; the nights in .local/state stay
	rm -rf $(VENV) .venv-ministack .venv-bench .venv-checkov .venv-uv .mypy_cache .ruff_cache .pytest_cache \
		$(filter-out .local/state,$(wildcard .local/*))
