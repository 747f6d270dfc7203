# The commands of the README. `make demo` and `make test` need nothing started by hand.
PYTHON ?= python3
BIN = .venv/bin
# Two at a time, a file never torn apart: what the files of tests share, they share in order; the
# longest first, as tests/turns.py says.
PYTEST = $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: install install-dev demo test check unit soak lock clean

install: .venv/installed

install-dev: .venv/installed-dev

# --no-deps with hashes: exactly what the lock names, and nothing that it does not.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Handrail needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	touch $@

demo: install
	@exec $(BIN)/handrail demo $(ARGS)

test: install-dev
	$(PYTEST) $(ARGS)

unit: install-dev
	$(PYTEST) tests/unit $(ARGS)

# Takes an hour or more: the log is killed 1,000 times, the services 200 times, each at a random step.
soak: install-dev
	HANDRAIL_LOG_KILLS=1000 HANDRAIL_KILLS=200 $(BIN)/pytest -s tests/faults/test_log_kills.py tests/faults/test_kills.py $(ARGS)

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/handrail policy check
	$(BIN)/handrail policy prove --fast
	$(PYTEST) -q tests/guards

lock:
	$(PYTHON) deploy/lock.py

clean:
	rm -rf .venv .demo
