# Two commands are enough: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin

.PHONY: help install run train chat bench bench-widget screenshots soak test test-fast lint typecheck architecture format vendor-check audit fuzz demo-reset clean distclean

help: ## List these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Install Python 3.10, uv and the locked libraries where they are missing
	@sh scripts/bootstrap.sh

run: install ## Start everything and print the addresses of demo shop, chat and desk
	@exec $(BIN)/zhixin run

train: install ## Train the model, if none fits the training data of now
	@$(BIN)/zhixin train

chat: install ## Chat in the terminal with the running stack (ARGS="--as u1001 --reading")
	@$(BIN)/zhixin chat $(ARGS)

bench: install ## Measure speed and memory (ARGS="--json bench.json")
	@$(BIN)/zhixin bench --start $(ARGS)

bench-widget: install ## Measure what the chat loads and when it can be used on a slow line (ARGS="--url http://127.0.0.1:8080 --json widget.json")
	@$(BIN)/python -m tests.browser.first_load $(ARGS)

screenshots: install ## Take the pictures of docs/images anew (needs chromium)
	@$(BIN)/python -m tests.browser.screenshots

soak: install ## Kill, pause and starve the stack while 50 shoppers talk, then audit (ARGS="--minutes 15 --seed 7 --http")
	@$(BIN)/python -m tests.soak.run $(ARGS)

test: install lint typecheck architecture train ## Everything: lint, types, architecture, the whole test suite
	@$(BIN)/pytest -n 2 --dist loadfile

test-fast: install ## The fast tests only: no Rasa, no training, no processes (half a minute)
	@$(BIN)/pytest --fast -n 2 --dist loadscope

lint: install ## Check style and common faults
	@$(BIN)/ruff check .

typecheck: install ## Check types
	@$(BIN)/mypy

architecture: install ## Check which room imports which
	@$(BIN)/pytest tests/test_architecture.py

format: install ## Format the code and sort its imports
	@$(BIN)/ruff check --select I --fix . && $(BIN)/ruff format .

vendor-check: install ## Compare the vendored scripts with what npm serves (needs npm)
	@$(BIN)/python scripts/vendor.py

audit: install ## Look for known vulnerabilities and licences (ARGS="--advisories FOLDER" without network)
	@$(BIN)/python scripts/audit.py $(ARGS)

fuzz: install ## Look longer for what breaks the APIs, parsers and rules (TIMES=20)
	@ZHIXIN_TEST_FUZZ=$(or $(TIMES),20) $(BIN)/pytest tests/fuzz

demo-reset: install ## Forget the demo's conversations and fill the demo shop anew
	@$(BIN)/zhixin demo reset --yes

clean: ## Remove caches and built models; data in var/ stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .rasa models build dist
	find actions bot persona tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the installed libraries too
	rm -rf .venv .tools
