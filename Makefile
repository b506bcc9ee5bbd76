# Two commands matter: `make demo` runs the main job, `make test` runs all tests. Both set up .venv first.
PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint format catalogue docs conformance clean help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/.ready ## audit torch's own autograd.Function test cases
	$(BIN)/python benchmarks/function_db.py

test: .venv/.ready lint ## lint, then run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.ready ## ruff, pyright and the freshness of generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --warnings
	$(BIN)/python docs/_rules_page.py --check

format: .venv/.ready ## format and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

catalogue: .venv/.ready ## regenerate the page of rules
	$(BIN)/python docs/_rules_page.py

docs: .venv/.ready ## build the documentation site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

tests/conformance/node_modules/.ready: tests/conformance/package.json
	npm install --prefix tests/conformance --no-package-lock --no-audit --no-fund --loglevel error
	@touch $@

conformance: .venv/.ready tests/conformance/node_modules/.ready ## the MCP server against official suites and clients; needs npm
	$(BIN)/python tests/conformance/run.py

clean: ## remove the environment and caches
	rm -rf .venv .pytest_cache .ruff_cache dist build tests/conformance/node_modules
