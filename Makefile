# Everything a person does with the project. `make` alone lists it.
# The first command that needs them sets up .venv and what pyproject.toml names; later ones find it done.

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
# The Python to set up with: the first of these that the demo's phone can use (3.11), else the first that the rest can (3.10).
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
# The pip that reads pyproject.toml's dependency-groups: what venv brings may be older.
PIP_VERSION := 26.3
PIP := $(PYTHON) -m pip --quiet --disable-pip-version-check --no-input
# For `make test ARGS="-k digest"`.
ARGS :=

.PHONY: help setup demo test interop lint format build size clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(INSTALLED) ## server, phone and door on this computer: press, ring, talk, open; writes build/demo/
	$(PYTHON) -m tools.demo $(ARGS)

test: $(INSTALLED) ## run the tests, the firmware's under CPython and MicroPython (ARGS="-k digest" for some)
	$(PYTHON) -m pytest $(ARGS)

interop: $(INSTALLED) ## what strangers' programs make of the demo's call (after make demo; needs tshark)
	sh tools/peers.sh tshark=tshark
	$(PYTHON) -m pytest -o addopts=--import-mode=importlib host_tests/interop $(ARGS)

lint: $(INSTALLED) ## format check, lint, types; the firmware against what a board has
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy --config-file mypy-esp32.ini
	$(PYTHON) -m mypy --config-file mypy-unix.ini

format: $(INSTALLED) ## put the code in shape
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

build: $(INSTALLED) ## compile the firmware for this computer and for the ESP32 into build/
	$(PYTHON) -m tools.build --march host
	$(PYTHON) -m tools.build --march xtensawin

size: $(INSTALLED) ## what each configuration loads and the memory it takes; fails over the limits
	$(PYTHON) -m tools.size

setup: $(INSTALLED) ## install the tools into .venv (every other command does it when needed)

clean: ## remove what was built (.venv stays)
	rm -rf build .mypy_cache .pytest_cache .ruff_cache

# A .venv that does not work (half made, or its Python is gone) is made anew; else only what changed is installed.
$(INSTALLED): pyproject.toml Makefile
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
	    for minor in 11 10; do \
	        for python in $(PYTHONS); do \
	            if $$python -c "import sys; sys.exit(sys.version_info < (3, $$minor))" 2>/dev/null; then break 2; fi; \
	            python=; \
	        done; \
	    done; \
	    if [ -z "$$python" ]; then echo "Sipdoor needs Python 3.10 or newer, and none of these is: $(PYTHONS)." >&2; exit 1; fi; \
	    echo "setting up .venv with $$($$python --version)"; \
	    rm -rf $(VENV); $$python -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
	}
	@echo "installing what pyproject.toml names"
	@$(PIP) install pip==$(PIP_VERSION)
	@$(PIP) install --group dev
	@rm -rf $(VENV)/typings
	@$(PIP) install --target $(VENV)/typings/esp32 --group stubs-esp32
	@$(PIP) install --target $(VENV)/typings/unix --group stubs-unix
	@$(PYTHON) -c 'from tools.interpreter import micropython; micropython()' || true
	@$(PYTHON) -c 'import baresip' 2>/dev/null || echo "No phone for the demo here:" \
	    "baresip-python wants Python 3.11 or newer, on Linux or on macOS with Apple silicon."
	@touch $@
