# Every target does its own set-up; see scripts/setup. Nothing is installed outside this folder, except
# a Chromium for the browser tests (scripts/chromium).

PYTHON := .venv/bin/python
ARGS ?=

# Programs and tests start many times: they share what was compiled once, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

# A virtual environment whose Python is gone (moved folder, upgraded system) is made again.
ifeq ($(wildcard $(PYTHON)),)
.PHONY: .venv/.run .venv/.dev
endif

.PHONY: help run test check bench

help:
	@echo "make run     start Backline on http://127.0.0.1:1337 (without Discord credentials: with its sandbox)"
	@echo "make test    every test, on SQLite and on PostgreSQL         ARGS=\"-k skip\" is handed to pytest"
	@echo "make check   lint, types, import order, migrations, generated files, templates, JavaScript"
	@echo "make bench   every measurement in bench/                     ARGS=name for one of them"

run: .venv/.run
	@exec $(PYTHON) manage.py serve

test: .venv/.dev
	@exec scripts/test $(ARGS)

check: .venv/.dev
	@exec scripts/check

bench: .venv/.dev
	@exec scripts/bench $(ARGS)

.venv/.run: uv.lock pyproject.toml .python-version
	@scripts/setup run

.venv/.dev: uv.lock pyproject.toml .python-version
	@scripts/setup dev
