# Every routine of the project; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Four for two cores: half of the tests' time is waiting, for commits and deadlines. Each worker begins with
# neighbouring tests, so that what a module shares is made once, and takes from others at the end.
WORKERS ?= 4

.PHONY: help setup demo notebooks docs test test-browser test-oldest dist check format soak bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

setup: $(READY)  ## make .venv with the package, its extras and the pinned tools

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "snowpipe_pandas needs Python 3.11 or newer; run: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $(READY)

demo: setup  ## stream 336,776 real flights into the local account and compare by SQL
	$(BIN)/snowpipe-pandas demo

notebooks: setup  ## run the notebooks and keep their outputs
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace --log-level=WARN \
	  --ExecutePreprocessor.store_widget_state=False --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

docs: setup  ## build the docs site, strictly, into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "build/docs/index.html; with search: python3 -m http.server --directory build/docs"

test: check  ## everything CI runs: format, lint, types, walls, tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-browser: setup  ## the notebook's views in a real JupyterLab and Chromium; pictures in build/browser
	@command -v chromium >/dev/null || { echo "Chromium is missing; install it (Debian, as root):"; \
	  echo "  apt-get update && apt-get install -y --no-install-recommends chromium"; exit 1; }
	$(BIN)/python -m pytest -m browser tests/browser

test-oldest: constraints-oldest.txt  ## the tests with the oldest supported versions
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet -c constraints-oldest.txt -e '.[dev]'
	$(VENV)-oldest/bin/python -m pytest -n $(WORKERS) --dist worksteal

dist: setup  ## build sdist and wheel into dist, and try each away from the sources, on the oldest and newest Python
	rm -rf build/lib dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python tests/try_out_dist.py dist

check: setup  ## format check, lint and types only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup  ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: setup  ## an hour of trouble: 5,000 random schedules, 400 kills, and 30 minutes at full speed
	SCHEDULES=5000 KILLS=200 $(BIN)/python -m pytest -n 2 tests/faults/test_schedules.py tests/faults/test_kills.py
	EXAMPLES=800 $(BIN)/python -m pytest tests/rows/test_properties.py
	$(BIN)/python -m benchmarks.soak --minutes 30

bench: setup  ## measure against the peers; writes benchmarks/results and docs/performance.md
	$(BIN)/python -m benchmarks

clean:  ## remove everything that make made
	rm -rf $(VENV) $(VENV)-oldest build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
