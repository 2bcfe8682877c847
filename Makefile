# The study's commands. Each makes the virtual environment .venv when it is missing or out of date.

PYTHON ?= python3
VENV := $(CURDIR)/.venv
READY := .venv/.ready
RAY = python -c 'import ray' 2>/dev/null || pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cluster]'
export PATH := $(VENV)/bin:$(PATH)
# Another shell than /bin/sh: else make 3.81, which macOS has, looks programs up on the PATH from outside.
SHELL := /bin/bash
export PYTHONUNBUFFERED := 1

.PHONY: help quick try repro train-all test lint check endurance endurance-inputs endurance-cluster readme bench bench-gpu

help:
	@echo 'make quick   retrain and report the embedded dataset (bach_chorales) in quick/: no download, minutes on a laptop'
	@echo 'make try     a cell of your own beside the study, on the same data: make try CELL=mgu, REPEATS=3 for more runs'
	@echo 'make repro   bring the whole study up to date: dvc repro (downloads data, trains what is out of date)'
	@echo 'make train-all   the same, its trainings on all cores, or on the machines of a Ray cluster: ADDRESS=auto GPUS=0.25'
	@echo 'make test    the tests'
	@echo 'make lint    ruff: style and format'
	@echo 'make check   lint, and that dvc.lock is true of the code, parameters and committed results'
	@echo 'make endurance   endurance-inputs, then kill a throw-away study a hundred times, until it ends as if nothing had happened'
	@echo 'make endurance-inputs   read 10,000 files of every format, half of them damaged: one line or the right reading'
	@echo 'make endurance-cluster   kill nodes of a small Ray cluster on this machine, then measure how trainings spread'
	@echo 'make bench   measure how fast training is, beside torch.nn; ten minutes on a machine with nothing else to do'
	@echo 'make bench-gpu   check the kernels on a GPU and measure them there; with BENCH=--interpret a dry run on a CPU'
	@echo 'make readme  put reports/summary.md into the README'

$(READY): pyproject.toml constraints.txt
	@echo '== environment: installing the packages of constraints.txt into .venv (a minute or more the first time)'
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"error: Python 3.11 or newer is needed, $(PYTHON) is {v[0]}.{v[1]}; set PYTHON=python3.x")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

quick: $(READY)
	@python -m stages.quick $(DATASETS)

try: $(READY)
	@test -n "$(CELL)" || { echo 'error: which cell? make try CELL=mgu, for the file stages/cells/mgu.py'; exit 1; }
	@python -m stages.try_cell $(CELL) $(if $(REPEATS),--repeats $(REPEATS)) $(if $(DATASET),--dataset $(DATASET))

repro: $(READY)
	@echo '== repro: dvc repro'
	@python -m stages.repro

train-all: $(READY)
	@$(RAY)
	@python -m stages.train_all $(if $(ADDRESS),--address $(ADDRESS)) $(if $(GPUS),--gpus-per-task $(GPUS))

test: $(READY)
	@echo '== test: pytest'
	@python -m pytest -q

lint: $(READY)
	@echo '== lint: ruff check, ruff format --check'
	@ruff check .
	@ruff format --check .

check: lint
	@echo '== check: is dvc.lock true of the code, parameters and committed results?'
	@python -m stages.repro --check

endurance: endurance-inputs
	@echo '== endurance: a throw-away study killed a hundred times, on the way to the same bits'
	@python tests/endurance.py

endurance-inputs: $(READY)
	@echo '== endurance-inputs: 10,000 files of every format, half of them damaged'
	@python tests/endurance_inputs.py

endurance-cluster: $(READY)
	@echo '== endurance-cluster: nodes killed in mid training, on the way to the same bits; then one node beside two'
	@$(RAY)
	@PYTHONPATH=. STUDY_THREADS=1 OMP_NUM_THREADS=1 python tests/endurance_cluster.py

readme: $(READY)
	@echo '== readme: reports/summary.md goes into README.md'
	@python -c 'import pathlib, re; page, new = map(pathlib.Path, ("README.md", "reports/summary.md")); \
	  page.write_text(re.sub("(?s)(?<=<!-- results:begin -->\n).*(?=<!-- results:end -->)", lambda _: new.read_text(), page.read_text()))'

bench: $(READY)
	@echo '== bench: training beside torch.nn, side by side'
	@python -m stages.bench $(BENCH)

bench-gpu: $(READY)
	@echo '== bench-gpu: the engine cuda, first whether it is right, then how fast'
	@python -m stages.bench_gpu $(BENCH)
