# `make` alone lists what there is. Works with GNU Make 3.81 (macOS) and any POSIX shell.

PYTHON ?= python3

# Why .venv must be made anew; empty if it can be used. A finished installation has .venv/.installed*, with the path of
# the folder, because the scripts in .venv/bin contain it. With PYTHON given, the version must be that one. A `link` leads
# to another clone's environment.
UNFIT := $(shell \
	if test -L .venv; then echo link; exit; fi; \
	if ! test -d .venv; then echo "there is none"; exit; fi; \
	if ! test -x .venv/bin/python; then echo "its Python is gone"; exit; fi; \
	made=$$(cat .venv/.installed* 2>/dev/null); \
	if test -z "$$made"; then echo "it was not installed to its end"; exit; fi; \
	if test "$$made" != "$$(pwd -P)"; then echo "it was made for another folder"; exit; fi; \
	$(if $(filter file,$(origin PYTHON)),,test -d \
	.venv/lib/python$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])') || echo "it is not of $(PYTHON)"))

UV = .venv/bin/python tools/uv.py

# Installs what a lock pins and the project itself, and removes everything else. A package that cannot be found fails in
# the dry run, before anything changes; an interrupted installation leaves no .venv/.installed*, so .venv is made anew.
define install
	@set -- --python .venv --exact --compile-bytecode --requirements $(1) --build-constraints $(1) --editable .; \
	if grep '^torch==' $(1) | UV_HTTP_RETRIES=1 $(UV) compile --quiet --no-deps --torch-backend=auto - >/dev/null 2>&1; \
	then set -- "$$@" --torch-backend=auto; \
	else echo "PyTorch's own index does not answer: torch comes from where other packages do, maybe with CUDA"; fi; \
	$(UV) install --dry-run --quiet "$$@" && rm -f .venv/.installed* && pwd -P >.venv/.begun && \
	$(UV) install "$$@" && mv .venv/.begun $@
endef

# The commands of the environment come first, for DVC's stages too: dvc.yaml says plain `python`.
IN_VENV = PATH="$(CURDIR)/.venv/bin:$$PATH" && export PATH &&

# The smoke run's params, as an experiment has them: dvc.yaml and params.yaml are the real ones.
SMOKE = -S 'corpus.sources=[{corpus: starter}]' -S corpus.starter.dialogues=100 -S model.embed_dim=32 \
	-S model.n_layers=2 -S model.n_heads=4 -S model.ffn_dim=64 -S train.epochs=1 -S evaluate.max_dialogues=20

# The quick run's params: what two cores learn in three to six minutes. Fewer layers learn more in so little time than six
# layers that see fewer dialogues (docs/experiments.md).
QUICK = -S 'corpus.sources=[{corpus: starter}]' -S corpus.starter.dialogues=28000 -S model.n_layers=3 -S train.epochs=1

.DEFAULT_GOAL := help
BASE ?= HEAD

.PHONY: help repro quick article smoke compare test test-slow lint format check docs-figures lock clean environment environment-dev anew page-assets

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Another Python: make repro PYTHON=python3.12"

repro: environment ## From raw dialogues to the report, only what is not up to date: dvc repro
	@$(IN_VENV) python -m tools.repro

quick: environment ## The sample in a third of the time (3 to 6 minutes), for a first look: an experiment on fewer dialogues
	@$(IN_VENV) dvc exp run $(QUICK)

article: environment ## The article from top to bottom, on its own sentence
	@$(IN_VENV) python -m examples.article

smoke: environment ## All stages, on a hundred dialogues, with a tiny model, about a minute; it leaves everything here as it was
	@$(IN_VENV) dvc exp run --temp --force --name smoke $(SMOKE) && dvc exp remove --quiet smoke

compare: environment ## What params and metrics changed since BASE (else the last commit), as Markdown
	@$(IN_VENV) for what in params metrics; do \
		table=$$(dvc $$what diff --md "$(BASE)") || exit 1; \
		test "$$(echo "$$table" | wc -l)" -gt 2 || table='No change.'; \
		printf '### %s since %s\n\n%s\n\n' $$what "$(BASE)" "$$table"; \
	done

# With bytecode, which containers often switch off: else each process compiles the tests, and each stage the package.
TEST = PYTHONDONTWRITEBYTECODE= pytest

test: environment-dev ## The tests, less the slow ones
	@$(IN_VENV) $(TEST) -m "not slow" -n 2 --dist loadfile

# Six processes, whatever the number of cores, since a slow test waits much for what it started.
test-slow: environment-dev ## The slow tests: minutes
	@$(IN_VENV) $(TEST) -m slow -n 6 --dist loadfile --no-loadscope-reorder

lint: environment-dev ## Format, lint and types
	@$(IN_VENV) ruff format --check . && ruff check . && mypy

format: environment-dev ## Put the code into the one format
	@$(IN_VENV) ruff check --fix-only --quiet . && ruff format .

check: environment ## Does dvc.lock agree with dvc.yaml and with the files in git?
	@$(IN_VENV) python -m tools.check_pipeline

docs-figures: environment ## The tables of the documents, made anew of reports/ and benchmarks/results/
	@$(IN_VENV) python -m tools.docs_figures

# With PyPI's torch, whatever this machine installs. CUDA packages are left out: a CUDA build of torch depends on them
# itself, and a CPU build must not install them.
define lock
	@UV_FIND_LINKS= $(UV) compile --quiet --universal --python-version 3.11 --no-annotate \
		--custom-compile-command "make lock" $(UPGRADE) $(2) --output-file $(1) pyproject.toml
	@sed -E '/^(cuda-|nvidia-|triton==)/d; s/\+[a-z0-9.]+//' $(1) >.$(1).tmp && mv .$(1).tmp $(1)
endef

page-assets: environment ## What the live page is made of: kernels as WebAssembly (clang 14), web/ as one script (npm)
	@$(IN_VENV) python -m tools.wasm && cd web && npm ci --no-audit --no-fund && npm run build

lock: $(if $(wildcard .venv/bin/uv),,environment) ## Make requirements*.lock from pyproject.toml; UPGRADE=--upgrade moves pins
	$(call lock,requirements.lock,--extra pipeline)
	$(call lock,requirements-dev.lock,--extra pipeline --extra dev --constraints requirements.lock)

# Packages for the tests stay once they are installed.
environment: $(or $(wildcard .venv/.installed-dev),.venv/.installed)
environment-dev: .venv/.installed-dev

ifeq ($(UNFIT),link)
.venv/.installed .venv/.installed-dev:
else
.venv/.installed: requirements.lock pyproject.toml $(if $(UNFIT),anew)
	$(call install,requirements.lock)

.venv/.installed-dev: requirements-dev.lock pyproject.toml $(if $(UNFIT),anew)
	$(call install,requirements-dev.lock)
endif

anew:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: tinychat needs Python 3.11 or newer, and \
	%s is %s\nName another, for example: make repro PYTHON=python3.12" % (sys.executable, sys.version.split()[0]))'
	@echo "Making .venv: $(UNFIT)"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock uv

# What is made again from what stays: data/raw, DVC's cache, .venv, and all that git tracks.
OUTPUTS = data/corpus data/prepared artifacts models outputs \
	reports/layers reports/train/learning.json reports/summary.json reports/summary.html
ARTICLE_OUTPUTS = $(addprefix examples/article/,data/corpus data/prepared artifacts models outputs reports .tinychat)
CACHES = .tinychat .pytest_cache .hypothesis .mypy_cache .ruff_cache build dist tinychat.egg-info

clean: ## Remove all that is made: outputs, caches; not data/raw, not DVC's cache
	@rm -rf $(OUTPUTS) $(ARTICLE_OUTPUTS) $(CACHES)
	@find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
