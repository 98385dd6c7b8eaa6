# One command a line; every target sets up what it needs by itself. See bootstrap/setup.py.
PYTHON ?= python3
BIN := .venv/bin
SETUP := $(PYTHON) bootstrap/setup.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-deep lint bench reliability models docs clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup:  ## Make .venv, contracts/node_modules and the prover
	@$(SETUP)

demo: setup  ## Devnet, nodes, 16 digits: offered, answered, proved, paid
	@$(BIN)/p2pnode demo

test: setup  ## Every test of every part
	@$(BIN)/python tests/run.py

test-deep: setup  ## The same, with the slow tests and more examples
	@$(BIN)/python tests/run.py --deep

lint: ## Format check, lint and types only
	@$(SETUP) --no-prover
	@$(BIN)/python tests/run.py --only lint,format,types

bench: setup  ## Latency, proving and gas, as a table and JSON
	@$(BIN)/python -m benchmarks

reliability: setup  ## Break everything at length and write docs/reliability.md; takes hours
	@$(BIN)/python -m benchmarks.reliability

models:  ## Train and quantise the digits model again and compare it with the packaged one
	@$(SETUP) --no-prover
	@$(BIN)/python benchmarks/make_digits_model.py

docs:  ## The documentation site, in dist/site
	@$(SETUP) --no-prover
	@$(BIN)/mkdocs build --quiet

clean:  ## Remove what set-up made in this checkout; the prover in the user's cache stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	rm -rf contracts/node_modules contracts/artifacts contracts/cache contracts/ignition/deployments
	rm -rf circuits_guest/target circuits_guest/guest/target
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
