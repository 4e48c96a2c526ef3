# The registry's commands. `make run` and `make test` work on a fresh clone: they make .venv themselves.
#   PYTHON=python3.12      the Python to make .venv with
#   PORT=8001              the port of `make run`
#   REGISTRY_DATA_DIR=...  where `make run` keeps its data (default: var/)

PYTHON ?= python3
BIN := .venv/bin
export PORT REGISTRY_DATA_DIR
# Tests wait for browsers and servers: one worker more than there are processors.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: run test lint bench soak pictures venv

run:
	@exec $(PYTHON) -m registry.preflight run

test: lint
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/djade --check $$(find templates -name '*.html')
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

bench: venv
	$(BIN)/python -m benchmarks

soak: venv
	LEDGER_KILLS=300 $(BIN)/python -m pytest tests/ledger/test_ledger_kill.py
	CHANGES_SECONDS=60 $(BIN)/python -m pytest tests/partners/test_changes_follow.py
	JOURNEY_LANGUAGES=uk,en $(BIN)/python -m pytest tests/journeys
	ANSWERS_EXAMPLES=200 $(BIN)/python -m pytest tests/claims/test_every_category.py
	TAMPERS=500 TAMPER_SEED=$$(date +%s) $(BIN)/python -m pytest tests/claims/test_tampering.py
	API_FUZZ=300 API_FUZZ_SEED=$$(date +%s) $(BIN)/python -m pytest tests/partners/test_partner_fuzz.py
	EVIDENCE_MUTATIONS=10000 $(BIN)/python -m pytest tests/evidence/test_corpus.py

pictures: venv
	$(BIN)/python -m docs.pictures

venv:
	@$(PYTHON) -m registry.preflight test
