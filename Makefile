# Game Night Live. `make` alone prints what there is.
PORT ?= 5000
PYTHON ?= python3
ROLE ?= bot
STAGE ?= local
SUB ?= $(ROLE)
TTL ?=
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install run demo listen token deploy rehearse test check lock format specs tables screenshots test-model test-dynamodb-local bench-fanout bench-cold-start bench-broadcast bench-end-to-end bench-votes soak scale clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }

$(VENV)/.installed: requirements/dev.txt
	@$(NEW_ENOUGH)
	@$(PYTHON) infra/install.py $(VENV) $<

# MiniStack pins a botocore of its own, so it lives in an environment of its own. So does aiobotocore; and
# checkov pins boto3.
.venv-%/.installed: requirements/%.txt
	@$(NEW_ENOUGH)
	@$(PYTHON) infra/install.py .venv-$* $<

install: $(VENV)/.installed .venv-ministack/.installed ## create the environments

run: install ## serve http and ws on localhost (PORT=5000)
	@$(BIN)/python -m infra local --port $(PORT)

demo: install ## play a night with a few bots, to look at
	@$(BIN)/python -m infra demo --stage $(STAGE)

listen: $(VENV)/.installed ## show what happens in all nights, as it happens (STAGE=local)
	@$(BIN)/python -m infra listen --stage $(STAGE)

# Whoever only wants a token is spared the minutes that installing the project takes.
MINT := $(if $(wildcard $(VENV)/.installed),$(VENV),.venv-token)
token: $(MINT)/.installed ## print a token (ROLE=bot, SUB=bot, TTL=seconds, STAGE=local)
	@$(MINT)/bin/python -m infra token --role $(ROLE) --sub "$(SUB)" $(if $(TTL),--ttl $(TTL)) --stage $(STAGE)

deploy: $(VENV)/.installed ## deploy a stage on AWS (STAGE=dev)
	@$(BIN)/python -m infra deploy --stage $(STAGE)

rehearse: install ## deploy, try, change and take down, on an emulator
	@$(BIN)/python -m infra rehearse

test: install ## run the tests
	@$(BIN)/pytest

test-model: install ## the model of a night and interrupted votes, their rare mutants too (some minutes)
	@$(BIN)/pytest tests/model tests/unit/nights/test_interrupted_votes.py -m ''

screenshots: install ## the page, as it is in docs/images (chromium)
	@$(BIN)/python -m tests.page.screenshots

test-dynamodb-local: install ## run the storage and conformance suites on AWS's own engine (Java, npm)
	@$(BIN)/python -m infra.dynamodb_local -- $(BIN)/pytest tests/integration/dynamodb tests/conformance tests/local

check: $(VENV)/.installed .venv-checkov/.installed ## format, lint, types, layers, the stack and its security, known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint infra/stack.yaml
	@.venv-checkov/bin/checkov --config-file .checkov.yaml --file infra/stack.yaml
	@$(BIN)/python -m infra audit

lock: $(VENV)/.installed ## pin, with hashes, what the requirements' .in files ask for
	@for file in requirements requirements/dev requirements/ministack requirements/bench requirements/checkov requirements/token; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
			--custom-compile-command "make lock" $$file.in --output-file $$file.txt || exit; done

specs: $(VENV)/.installed ## write the specifications that are served, as the code is now
	@$(BIN)/python -m infra specs

tables: install ## write what a small night leaves in the tables into docs/tables.md
	@$(BIN)/python -m infra tables page

format: $(VENV)/.installed ## rewrite the code in house style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-fanout: .venv-bench/.installed ## posts per second, ours and others' (nginx-light, wrk; some minutes)
	@.venv-bench/bin/python -m benchmarks.fanout

bench-votes: install ## votes per second on one session: two engines, and over HTTP (Java, npm)
	@$(BIN)/python -m benchmarks.votes
	@$(BIN)/python -m benchmarks.votes_over_http

bench-broadcast: install .venv-bench/.installed ## from the stream's record to the last post (nginx-light, Java, npm; long)
	@$(BIN)/python -m benchmarks.broadcast
	@.venv-bench/bin/python -m benchmarks.broadcast.chart

scale: $(VENV)/.installed ## time and money to reach 1,000 to 10 million connections, and what binds
	@$(BIN)/python -m benchmarks.scale

bench-end-to-end: install .venv-bench/.installed ## from POST to the last client, ours and one Node.js process
	@$(BIN)/python -m benchmarks.end_to_end
	@.venv-bench/bin/python -m benchmarks.end_to_end.chart

soak: install .venv-bench/.installed ## 5,000 clients, 200 events, 20 lost connections a second: nothing lost, memory flat (ten minutes)
	@$(BIN)/python -m benchmarks.soak
	@.venv-bench/bin/python -m benchmarks.soak.chart

bench-cold-start: $(VENV)/.installed ## what a cold start of each function takes, its first event included
	@$(BIN)/python -m benchmarks.cold_start

clean: ## remove what was installed and the local state
	rm -rf $(VENV) .venv-ministack .venv-bench .venv-checkov .venv-token .local .mypy_cache .ruff_cache .pytest_cache
