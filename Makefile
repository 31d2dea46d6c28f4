# make setup        build .venv (MMCV=full compiles mmcv's ops, PYTHON=... chooses the interpreter)
# make quickstart   set-up, then train and test all three tasks (TASK=image|detection|video for one)
# make test         set-up, then all tests
# make lint         set-up, then flake8, isort and yapf

# the first that starts; a pyenv shim may exist without its Python
ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3.12 python3.10 python3; do \
                      $$p -c '' 2>/dev/null && command -v $$p && break; done)
endif
MMCV ?=
TASK ?=
BIN := .venv/bin
SOURCES := $(wildcard *.py) mvitv2_mm $(wildcard tools configs) tests

.PHONY: setup quickstart test lint

setup:
	@test -n "$(PYTHON)" || { echo 'No Python found: install Python 3.10-3.12, or run make setup PYTHON=/path/to/python' >&2; exit 1; }
	@"$(PYTHON)" tools/setup_env.py $(if $(MMCV),--mmcv $(MMCV))

quickstart: setup
	$(BIN)/python tools/quickstart.py $(if $(TASK),--task $(TASK))

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/flake8 $(SOURCES)
	$(BIN)/isort --check-only --diff --quiet $(SOURCES)
	$(BIN)/yapf --diff --recursive --parallel $(SOURCES)
