# Every target installs what it needs (scripts/setup). Nothing is installed outside this folder, except a Python in
# uv's own folder if the machine has none, and a Chromium for the browser tests (scripts/chromium).

PYTHON := .venv/bin/python
ARGS ?=

# Programs and tests start many times, so keep compiled files even if the shell disables them.
unexport PYTHONDONTWRITEBYTECODE

# Set up again if this folder was moved or copied, or if the Python of its environment no longer exists.
ifneq ($(shell test -x $(PYTHON) && cat .venv/.folder 2>/dev/null),$(CURDIR))
.PHONY: .venv/.run .venv/.dev
endif

.PHONY: help run test check bench screenshots

help:
	@echo "make run     start Backline on http://127.0.0.1:1337 (with the sandbox if there are no Discord credentials)"
	@echo "make test    every test, on SQLite and on PostgreSQL         ARGS=\"-k skip\" is passed to pytest"
	@echo "make check   lint, types, import order, migrations, generated files, templates, JavaScript"
	@echo "make bench   every measurement in bench/                     ARGS=name runs one of them"
	@echo "make screenshots   pictures of every page, in both themes and on both sizes, in var/screenshots/"

run: .venv/.run
	@echo "Starting Backline …"
	@exec $(PYTHON) manage.py serve

test: .venv/.dev
	@exec scripts/test $(ARGS)

check: .venv/.dev
	@exec scripts/check

bench: .venv/.dev
	@exec scripts/bench $(ARGS)

screenshots: .venv/.dev
	@CHROMIUM_PATH=$$(scripts/chromium) .venv/bin/python -m scripts.screenshots $(ARGS)

.venv/.run: uv.lock pyproject.toml .python-version
	@scripts/setup run

.venv/.dev: uv.lock pyproject.toml .python-version
	@scripts/setup dev
