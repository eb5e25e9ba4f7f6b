# make demo    train a small network, export it as int8, solve and measure (minutes, from nothing)
# make test    everything that must pass: lint, types, import contracts, tests
# make docs    the pages, into build/site
# make figures draw the README's picture anew
# make format  rewrite the sources in the project's format
# make clean   remove the environment and what was built
#
# Needs Python 3.11 to 3.14 and make; everything else goes into .venv.
# Another interpreter: make demo PYTHON=/path/to/python3.12

VENV ?= .venv
BIN := $(VENV)/bin
RUN := runs/demo
PACKAGES := edge_ik firmware_host tools
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
# TensorFlow 2.21 has wheels up to this one; for 3.14 there is a release candidate alone.
RELEASED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# Unless one was named: the first interpreter that TensorFlow is released for, or else the first
# of a supported version.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
first = $(firstword $(foreach python,$(PYTHONS),\
	$(shell $(python) -c '$(1)' 2>/dev/null && echo $(python))))
ifndef PYTHON
PYTHON := $(or $(call first,$(RELEASED)),$(call first,$(SUPPORTED)))
endif

# Hides TensorFlow's notes on the processor it found; its errors still show.
export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint types contracts unit quick docs figures format clean

help:
	@sed -n 's/^# \{0,1\}//; /^$$/q; p' Makefile

demo: $(VENV)/.installed-train
	rm -rf $(RUN)
	$(BIN)/edge-ik train --arm arm3 --preset micro --rng-seed 0 --out $(RUN)
	$(BIN)/edge-ik export $(RUN) --quantize int8
	$(BIN)/edge-ik solve $(RUN)/export/arm3-int8.tflite --target 0.30 0.10 0.20
	$(BIN)/edge-ik bench $(RUN)/export/arm3-int8.tflite
	$(BIN)/edge-ik evaluate $(RUN)

test: lint types contracts unit

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

contracts: $(VENV)/.installed-dev
	$(BIN)/lint-imports --no-logo

unit: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2 --dist loadfile

quick: $(VENV)/.installed-dev
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow"

# A warning fails it: a broken link, a public name without a docstring, an option without help.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The pages are in build/site/index.html"

figures: $(VENV)/.installed-report
	$(BIN)/edge-ik report artifacts/arm3/arm3-int8.tflite --out runs/figures/report.html --figures runs/figures
	cp runs/figures/workspace.png artifacts/arm3/
	$(BIN)/edge-ik arms arm3 --plot --out docs/pictures/arm3.svg

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist edge_ik.egg-info tools/edge_ik.egg-info
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp per extra: nothing is installed again until pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@echo "Installing edge-ik[$*] into $(VENV)"
	@$(if $(shell command -v uv),uv pip install --quiet --python $(BIN)/python --editable '.[$*]' ||) \
		$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c '$(SUPPORTED)'; then \
		echo "edge-ik needs Python 3.11 to 3.14, found: $$("$(or $(PYTHON),python3)" --version 2>&1 | head -1)."; \
		echo "Install one, or name it: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.12"; \
		exit 1; \
	fi
	@if ! "$(PYTHON)" -c '$(RELEASED)'; then \
		echo "TensorFlow has no release for $$("$(PYTHON)" --version) yet: a release candidate is installed"; \
		echo "if there is one, and --qat and --prune are missing. For a release name a Python of 3.11 to 3.13."; \
	elif python3 -c '$(SUPPORTED)' 2>/dev/null && ! python3 -c '$(RELEASED)'; then \
		echo "Taking $(PYTHON): TensorFlow has no release for python3 ($$(python3 --version 2>&1 | head -1))."; \
	fi
	@"$(PYTHON)" -m venv --clear $(VENV) || { \
		rm -rf $(VENV); \
		echo "Could not create $(VENV). On Debian and Ubuntu: apt-get install python3-venv"; \
		exit 1; \
	}
