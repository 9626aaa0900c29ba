PYTHON ?= python3
BIN = .venv/bin

.PHONY: run check test lint format train-quick chromium javascript

run: .venv/serving
	$(BIN)/python app.py

# In about a minute: style, types, who imports whom, and the tests that need no server, browser or training run.
check: lint
	$(BIN)/python -m pytest -m "not integration" --numprocesses 2 --dist loadfile

# Everything.
test: check chromium javascript
	$(BIN)/python -m pytest -m "integration and not slow" --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: .venv/developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/developing
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

train-quick: .venv/serving
	$(BIN)/python train.py --quick --output models/quick

# The browser that the tests draw in: Debian's where apt is at hand, else Playwright's own.
chromium: .venv/developing
	@command -v chromium google-chrome >/dev/null \
		|| { command -v apt-get >/dev/null \
			&& $$(test "$$(id -u)" = 0 || echo sudo) sh -c 'apt-get update -q && apt-get install -qy --no-install-recommends chromium'; } \
		|| $(BIN)/playwright install chromium

# The JavaScript client that the tests run, where npm is at hand.
javascript: .venv/developing
	@if command -v npm >/dev/null; then \
		npm install --silent --no-audit --no-fund --prefix .venv/node @gradio/client@2.7.0; fi

.venv/serving: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

.venv/developing: .venv/serving pyproject.toml
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
