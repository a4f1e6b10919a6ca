# The commands of this repository. Everything they make stays in this folder: the environment, caches, demo shops, reports.
#   make demo                          a shop made up, trained, measured and served at http://127.0.0.1:8000
#   make demo DATA=online_retail       the same on real data ($AISLE_DATA or ../shared/data): online_retail, homedepot, tmall_beauty
#   make test                          style, types, import rules and all tests      make check   without the tests
#   make test-reliability              the long forms: 200 kills, 400 damaged ends of each kind, 5,000 random operations, 1,000 swaps
#   make results ONLY="homedepot live"  measure again what docs/results.md says; without ONLY every part, which takes hours
# Settings: MINUTES=1.5 of training, PORT=8000.
VENV    ?= .venv
MINUTES ?= 1.5
PORT    ?= 8000
TORCH   ?= torch==2.13.0
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
             $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
CACHE   := $(CURDIR)/$(VENV)/cache
SHOP    := demo/$(DATA)
export PIP_NO_CACHE_DIR = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export TMPDIR = $(CACHE)/tmp
export XDG_CACHE_HOME = $(CACHE)
export HF_HOME = $(CACHE)/hf
export MPLCONFIGDIR = $(CACHE)/mpl

.PHONY: demo test test-reliability check results setup
.DEFAULT_GOAL := demo

demo: $(READY)
ifdef DATA
	@test -e $(SHOP)/bundles/CURRENT || { $(BIN)/python -m benchmarks.folders $(DATA) $(SHOP) \
		&& $(BIN)/aisle train $(SHOP) --minutes $(MINUTES) && $(BIN)/aisle evaluate $(SHOP) --html $(SHOP)/report.html; }
	$(BIN)/aisle serve $(SHOP)/bundles --port $(PORT) --clock log
else
	$(BIN)/aisle demo --minutes $(MINUTES) --port $(PORT)
endif

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-reliability: $(READY)
	AISLE_LONG=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/state tests/serving/test_workers.py

check: $(READY)
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

results: $(READY)
	$(BIN)/python -m benchmarks.results $(ONLY)

setup: $(READY)

# torch comes first and alone, so that the processor's build is taken where an index offers one.
$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3"; exit 1; }
	@$(BIN)/pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(CACHE)/tmp
	@echo "Installing into $(VENV) (one to three minutes, once) ..."
	@$(BIN)/pip install --quiet --progress-bar off '$(TORCH)'
	@$(BIN)/pip install --quiet --progress-bar off -e '.[train,dev]'
	@touch $@
