# Each target works alone on a fresh clone: it makes the environment it needs first.
# A Python 3.12 is looked for by scripts/find-python; `make PYTHON=/path/to/python3.12 …` says where it is.

PYTHON ?=
# More for the benchmarks: make BENCH=--torch-compile bench
BENCH ?=
export PYTHON
BIN := .venv/bin
# Two workers: what a small machine has, and what the tests' own threads leave room for.
PYTEST := python -m pytest -n 2
# What runs a second time through sw.compile: always, and in test-all.
COMPILED_FIRST := tests/nn tests/optim tests/tape
COMPILED_TOO := tests/ops tests/tensor tests/test_semantics.py tests/test_random_programs.py
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test test-all check slow compiled instructions test-3.13 typing-report torch-values bench bench-sweep bench-eager peers format environment clean

help: ## this list
	@sed -n 's/^\([a-z0-9.-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-14s %s\n", $$1, $$2 }'

# Its products of matrices are small: two threads of BLAS gain little, and lose much where anything else runs beside them.
demo: ## train a network on all of MNIST, save it, load it again
	@scripts/environment .venv run
	$(BIN)/python examples/mnist_demo.py

test: check ## everything that must hold before a change lands
	$(BIN)/$(PYTEST)
	$(BIN)/$(PYTEST) --compiled $(COMPILED_FIRST)

test-all: test slow compiled instructions test-3.13 ## the same, the slow tests, all that computes compiled, and Python 3.13

check: environment ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python

slow: environment ## the slow tests only
	$(BIN)/$(PYTEST) -m slow

compiled: environment ## every test that computes, through sw.compile
	$(BIN)/$(PYTEST) --compiled $(COMPILED_FIRST) $(COMPILED_TOO)

instructions: environment ## the engine's tests with every set of instructions that this processor has
	@set -e; for name in $$($(BIN)/python -c "from shapewright.devices.cpu.machine import available; print(*available())"); do \
		echo "SHAPEWRIGHT_CPU=$$name"; SHAPEWRIGHT_CPU=$$name $(BIN)/$(PYTEST) tests/cpu tests/graph; \
	done

test-3.13:
	@scripts/environment .venv-3.13 dev
	.venv-3.13/bin/$(PYTEST)

typing-report: environment ## what each type checker finds in the typing tests
	$(BIN)/python -m tests.typing.report

torch-values: ## compute the stored reference values again with PyTorch
	@scripts/environment .venv-torch torch
	.venv-torch/bin/python -m tests.torch_nn_values
	.venv-torch/bin/python -m tests.torch_values
	.venv-torch/bin/python -m tests.torch_optim_values
	.venv-torch/bin/python -m tests.torch_conv_values

bench: peers ## training and inference beside PyTorch and JAX, a few minutes
	$(BIN)/python -m bench.run --json out/bench.json $(BENCH)

bench-sweep: peers ## the same at many sizes
	$(BIN)/python -m bench.run --sweep --json out/bench-sweep.json $(BENCH)

peers:
	@scripts/environment .venv run
	@scripts/environment .venv-torch torch
	@scripts/environment .venv-jax jax

bench-eager: ## what one eager operation costs
	@scripts/environment .venv run
	$(BIN)/python bench/eager.py

format: environment ## put the code into its one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

environment: ## .venv with the package and the tools that test it
	@scripts/environment .venv dev

clean: ## remove environments and caches
	rm -rf .venv .venv-3.13 .venv-torch .venv-jax .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
