# `make demo` shows what osexec does; `make test` proves it. Both work in a fresh clone.
# The interpreter: the first one that scripts/pythons finds, or `make PYTHON=/path/to/python ...`.

VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test core check bench smoke stress wheel clean

help:
	@echo "make demo    run real commands and end a misbehaving one on time"
	@echo "make core    the tests of the machine and the words: seconds, run it on every save"
	@echo "make test    every test that is not stress"
	@echo "make smoke   thousands in a row and at once, in a minute"
	@echo "make stress  the tests with a time box (OSEXEC_STRESS_SECONDS each)"
	@echo "make check   lint, format, types, documentation"
	@echo "make bench   speed, beside subprocess"
	@echo "make wheel   build the wheel and try it without the source tree"
	@echo "make clean   remove all that was made here"

demo: $(VENV)/.package
	$(BIN)/python examples/demo.py

core: $(VENV)/.test
	$(BIN)/python -m pytest -q tests/core tests/words

test: $(VENV)/.test
	$(BIN)/python -m pytest

smoke: $(VENV)/.test
	$(BIN)/python -m pytest -m stress tests/stress/test_many.py tests/stress/test_ends.py

stress: $(VENV)/.test
	$(BIN)/python -m pytest -m stress

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -q tests/docs tests/test_exports.py tests/test_floors.py

bench: $(VENV)/.package
	$(BIN)/python bench

wheel: $(VENV)/.package
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	sh scripts/try-wheel $(BIN)/python dist/osexec-*.whl

clean:
	rm -rf .venv .venv-* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages; what decides what is installed, or built, installs again.
INPUTS := pyproject.toml hatch_build.py scripts/build_minder.py $(wildcard minder/*)

$(VENV)/.made:
	python=$${PYTHON:-$$(sh scripts/pythons | sed -n '1s/^[^ ]* //p')} && \
	  "$${python:?no CPython from 3.11 up was found; name one with PYTHON=}" -m venv $(VENV)
	touch $@

$(VENV)/.package: $(INPUTS) $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(INPUTS) $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.package

$(VENV)/.dev: $(INPUTS) $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.test $(VENV)/.package
