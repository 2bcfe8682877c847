# The study's commands. Each makes the virtual environment .venv when it is missing or out of date.

PYTHON ?= python3
VENV := $(CURDIR)/.venv
READY := .venv/.ready
export PATH := $(VENV)/bin:$(PATH)
export PYTHONUNBUFFERED := 1

.PHONY: help quick repro test lint check readme bench batch-sizes optimisation

help:
	@echo 'make quick   retrain and report the embedded dataset (bach_chorales) in quick/: no download, minutes on a laptop'
	@echo 'make repro   bring the whole study up to date: dvc repro (downloads data, trains what is out of date)'
	@echo 'make test    the tests'
	@echo 'make lint    ruff: style and format'
	@echo 'make check   lint, and that dvc.lock is true of the code, parameters and committed results'
	@echo 'make bench   measure how fast training is, beside torch.nn; ten minutes on a machine with nothing else to do'
	@echo 'make batch-sizes   the study behind the batch sizes: half an hour'
	@echo 'make optimisation  the study of a decaying learning rate and of no weight noise: about two hours'
	@echo 'make readme  put reports/summary.md into the README'

$(READY): pyproject.toml constraints.txt
	@echo '== environment: installing the packages of constraints.txt into .venv (a few minutes the first time)'
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"error: Python 3.11 or newer is needed, $(PYTHON) is {v[0]}.{v[1]}; set PYTHON=python3.x")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

quick: $(READY)
	@python -m stages.quick $(DATASETS)

repro: $(READY)
	@echo '== repro: dvc repro'
	@dvc repro

test: $(READY)
	@echo '== test: pytest'
	@python -m pytest -q

lint: $(READY)
	@echo '== lint: ruff check, ruff format --check'
	@ruff check .
	@ruff format --check .

# A dry run exits with 0 even where stages are outdated, and fails at outdated stages whose data are not here: its output
# tells. It says nothing of results that are absent: they are looked for by the names in dvc.lock.
check: lint
	@echo '== check: is dvc.lock true of the code, parameters and committed results?'
	@dvc repro --dry --allow-missing --keep-going > .venv/check.txt 2>&1 || grep -q '^ERROR: failed to reproduce' .venv/check.txt \
		|| { cat .venv/check.txt; exit 1; }
	@{ grep -E '^(Running stage|ERROR: failed to reproduce)' .venv/check.txt | grep -o "'[^']*'" | sort -u \
		| sed 's/.*/  outdated: &, and what follows from it/'; \
	sed -n 's/^ *- path: \(\(models\|reports\)\/.*\)/\1/p' dvc.lock 2>/dev/null | sort -u | while read -r path; do \
		test -e "$$path" || echo "  missing: $$path"; done; } > .venv/check.txt.new; mv .venv/check.txt.new .venv/check.txt
	@if test -s .venv/check.txt; then cat .venv/check.txt; \
		echo 'error: the committed results are not those of this code: run `make repro`, then commit dvc.lock, models/ and reports/'; \
		exit 1; fi
	@echo 'dvc.lock is true: dvc repro would run nothing'

readme: $(READY)
	@echo '== readme: reports/summary.md goes into README.md'
	@sed -i -e '/<!-- results:begin -->/,/<!-- results:end -->/{/<!-- results:begin -->/{p;r reports/summary.md' -e '};/<!-- results:end -->/!d}' README.md

bench: $(READY)
	@echo '== bench: training beside torch.nn, side by side'
	@python -m stages.bench

batch-sizes: $(READY)
	@echo '== batch-sizes: the protocol at several batch sizes'
	@python -m stages.batch_sizes

optimisation: $(READY)
	@echo '== optimisation: with and without a decaying learning rate, with and without weight noise'
	@python -m stages.optimisation
