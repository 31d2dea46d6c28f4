# make setup        build .venv (MMCV=full compiles mmcv's ops, PYTHON=... chooses the interpreter)
# make quickstart   set-up, then train and test all three tasks (TASK=image|detection|video for one)
# make test         set-up, then all tests
# make test-fast    set-up, then the tests that take about a minute on 2 cores and train nothing
# make lint         set-up, then flake8, isort and yapf
# make docs         set-up, then the documentation as a site: work_dirs/docs/index.html
# make gpu-check    set-up, then check a GPU: numbers, speed, memory, kernels (under 8 minutes)
# make benchmarks   set-up, then measure and write the tables of docs/benchmarks.md (idle machine!)

# the first that starts; a pyenv shim may exist without its Python
ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3.12 python3.10 python3.13 python3; do \
                      $$p -c '' 2>/dev/null && command -v $$p && break; done)
endif
MMCV ?=
TASK ?=
BIN := .venv/bin
SOURCES := $(wildcard *.py docs/*.py) mvitv2_mm $(wildcard tools configs) tests

BENCHMARK := $(BIN)/python -m mvitv2_mm benchmark --out-dir work_dirs/benchmark
ABLATIONS := "ours, reference" "ours, sdpa" "ours, with_cp=False" "ours, whole hidden layers" "ours, all keys projected"

FAST_TESTS := $(addprefix tests/,ops layers backbones models checkpoints evaluation data_check \
    configs/test_edit.py configs/test_config_docs.py configs/test_config_rules.py \
    test_docstrings.py test_import_rules.py test_pages.py)
# the first interprets kernels for a GPU, the others train
NOT_FAST := tests/ops/test_triton_pooling.py tests/backbones/test_amp_curve.py \
    tests/models/test_maskfeat.py::test_training_lowers_the_loss_and_reaches_every_parameter

.PHONY: setup quickstart test test-fast lint docs benchmarks gpu-check

setup:
	@test -n "$(PYTHON)" || { echo 'No Python found: install Python 3.10-3.13, or run make setup PYTHON=/path/to/python' >&2; exit 1; }
	@"$(PYTHON)" tools/setup_env.py $(if $(MMCV),--mmcv $(MMCV))

quickstart: setup
	$(BIN)/python tools/quickstart.py $(if $(TASK),--task $(TASK))

# two processes; threads that wait give way to others
test: setup
	OMP_WAIT_POLICY=$${OMP_WAIT_POLICY:-PASSIVE} $(BIN)/python -m pytest -n 2 --dist loadfile

test-fast: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow" $(addprefix --deselect ,$(NOT_FAST)) $(FAST_TESTS)

lint: setup
	$(BIN)/flake8 $(SOURCES)
	$(BIN)/isort --check-only --diff --quiet $(SOURCES)
	$(BIN)/yapf --diff --recursive --parallel $(SOURCES)

docs: setup
	$(BIN)/python -m sphinx -q -W --keep-going docs work_dirs/docs

gpu-check: setup
	$(BIN)/python -m mvitv2_mm gpu-check

benchmarks: setup
	rm -f work_dirs/benchmark/rows.jsonl
	$(BENCHMARK) --repeats 3 --task image --arch small --peers mmpretrain timm hiera "ours, with_cp=False"
	$(BENCHMARK) --repeats 3 --task detection --peers "windowed reference" "ours, with_cp=False"
	$(BENCHMARK) --repeats 3 --task image --arch tiny --peers mmpretrain timm hiera $(ABLATIONS)
	$(BENCHMARK) --repeats 3 --task video --peers mmaction2 torchvision $(ABLATIONS) "ours, plain convolution"
	$(BENCHMARK) --repeats 3 --dtype bfloat16 --task image --arch tiny --peers mmpretrain timm hiera "ours, sdpa"
	$(BENCHMARK) --repeats 3 --dtype bfloat16 --task video --peers mmaction2 torchvision "ours, sdpa"
	$(BENCHMARK) --repeats 3 --dtype bfloat16 --task detection
	$(BENCHMARK) --repeats 9 --task data
	$(BENCHMARK) --task scale
	$(BENCHMARK) --repeats 2 --task image --arch tiny --batch-size 2 --sweep 224 320 448 --peers mmpretrain timm "ours, with_cp=False"
	$(BENCHMARK) --repeats 2 --task video --sweep 8 32 --peers mmaction2 --page docs/benchmarks.md
