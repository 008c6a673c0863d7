# Two commands are enough: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin

.PHONY: help install run train chat bench test test-fast lint typecheck architecture format vendor-check demo-reset clean distclean

help: ## List these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Install Python 3.10, uv and the locked libraries where they are missing
	@sh scripts/bootstrap.sh

run: install ## Start everything and print the address of the chat page
	@exec $(BIN)/zhixin run

train: install ## Train the model, if none fits the training data of now
	@$(BIN)/zhixin train

chat: install ## Chat in the terminal with the running stack (ARGS="--as u1001 --reading")
	@$(BIN)/zhixin chat $(ARGS)

bench: install ## Measure speed and memory (ARGS="--json bench.json")
	@$(BIN)/zhixin bench --start $(ARGS)

test: install lint typecheck architecture ## Everything: lint, types, architecture, the whole test suite
	@$(BIN)/pytest

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
	@$(BIN)/python -m bot.desk.vendor
	@$(BIN)/python -m bot.desk.vendor --folder tests/browser/vendor

demo-reset: install ## Forget the demo's conversations and fill the demo shop anew
	@$(BIN)/zhixin demo reset --yes

clean: ## Remove caches and built models; data in var/ stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .rasa models build dist
	find actions bot persona tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the installed libraries too
	rm -rf .venv .tools
