# Two commands for a user: `make demo` and `make test`. The others are for developers.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test quick long check format docs headlines notebooks bench clean

demo: $(VENV)/.installed
	$(BIN)/sim run scenarios/baseline.yaml -o runs/demo --force
	@echo
	@echo "Pictures: $(CURDIR)/runs/demo/figures"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n auto --dist loadfile --benchmark-disable

# The most telling tests, in less than a minute: those marked `quick`.
quick: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n auto --dist loadfile --benchmark-disable --hypothesis-profile quick -m quick

# Within half an hour: what is marked `long`, the lowest versions of all libraries among it, and more examples by chance.
long: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n auto --dist loadgroup --benchmark-disable --hypothesis-profile long \
		-m "long or hypothesis"

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pages that list all tables and measures, from what these declare, all published cases with what came out, and
# headline numbers, from those that are there.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m sim.results.dictionary
	$(BIN)/python -m sim.verify.page
	$(BIN)/python scripts/headlines.py --page

# The numbers that texts quote, from a year of every scenario with three seeds: three quarters of an hour on two cores.
headlines: $(VENV)/.installed-dev
	$(BIN)/python scripts/headlines.py
	$(BIN)/python scripts/headlines.py --page

# The notebooks with what their cells show, which the tests compare: two minutes.
notebooks: $(VENV)/.installed-dev
	$(BIN)/python scripts/notebooks.py

bench: $(VENV)/.installed-dev
	$(BIN)/python -m pytest benchmarks --benchmark-only -q

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
