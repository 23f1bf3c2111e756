# `make` alone lists what there is. Works with GNU Make 3.81 (macOS) and any POSIX shell.

PYTHON ?= python3

# Where PYTHON was given, an environment of another Python version does not do.
ENVIRONMENT = $(PYTHON) tools/environment.py $(if $(filter file,$(origin PYTHON)),,--exactly)

# The commands of the environment come first, for DVC's stages too: dvc.yaml says plain `python`.
IN_VENV = PATH="$(CURDIR)/.venv/bin:$$PATH" && export PATH &&

# The smoke run's params, as an experiment has them: dvc.yaml and params.yaml are the real ones.
SMOKE = -S 'corpus.sources=[{corpus: starter}]' -S corpus.starter.dialogues=100 -S model.embed_dim=32 \
	-S model.n_layers=2 -S model.n_heads=4 -S model.ffn_dim=64 -S train.epochs=1 -S evaluate.max_dialogues=20

.DEFAULT_GOAL := help
BASE ?= HEAD

.PHONY: help repro article smoke compare test test-slow lint format check docs-figures lock clean environment environment-dev

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Another Python: make repro PYTHON=python3.12"

repro: environment ## From raw dialogues to the report, only what is not up to date: dvc repro
	@$(IN_VENV) python -m tools.repro

article: environment ## The article from top to bottom, on its own sentence
	@$(IN_VENV) python -m examples.article

smoke: environment ## All stages, on a hundred dialogues, with a tiny model: seconds; it leaves everything here as it was
	@$(IN_VENV) dvc exp run --temp --force --name smoke $(SMOKE) && dvc exp remove --quiet smoke

compare: environment ## What params and metrics changed since BASE (else the last commit), as Markdown
	@$(IN_VENV) for what in params metrics; do \
		table=$$(dvc $$what diff --md "$(BASE)") || exit 1; \
		test "$$(echo "$$table" | wc -l)" -gt 2 || table='No change.'; \
		printf '### %s since %s\n\n%s\n\n' $$what "$(BASE)" "$$table"; \
	done

test: environment-dev ## The tests, less the slow ones
	@$(IN_VENV) pytest -m "not slow" -n 2 --dist worksteal

# Two processes, since most of a slow test is waiting for what it started.
test-slow: environment-dev ## The slow tests: minutes
	@$(IN_VENV) pytest -m slow -n 2 --dist worksteal

lint: environment-dev ## Format, lint and types
	@$(IN_VENV) ruff format --check . && ruff check . && mypy

format: environment-dev ## Put the code into the one format
	@$(IN_VENV) ruff check --fix-only --quiet . && ruff format .

check: environment ## Does dvc.lock agree with dvc.yaml and with the files in git?
	@$(IN_VENV) python -m tools.check_pipeline

docs-figures: environment ## The tables of the documents, made anew of reports/ and benchmarks/results/
	@$(IN_VENV) python -m tools.docs_figures

lock: environment-dev ## Make requirements*.lock from pyproject.toml
	@$(IN_VENV) python -m tools.lock

environment:
	@$(ENVIRONMENT)

environment-dev:
	@$(ENVIRONMENT) --dev

# What is made again from what stays: data/raw, DVC's cache, .venv, and all that git tracks.
OUTPUTS = data/corpus data/prepared artifacts models outputs \
	reports/layers reports/summary.json reports/summary.html
ARTICLE_OUTPUTS = $(addprefix examples/article/,data/corpus data/prepared artifacts models outputs reports .tinychat)
CACHES = .tinychat .pytest_cache .mypy_cache .ruff_cache build dist tinychat.egg-info

clean: ## Remove all that is made: outputs, caches; not data/raw, not DVC's cache
	@rm -rf $(OUTPUTS) $(ARTICLE_OUTPUTS) $(CACHES)
	@find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
