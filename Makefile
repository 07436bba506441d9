# `make help` lists the targets. All of them build in one folder and one profile, because a cold build
# of the engine takes half an hour.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

XDG_CACHE_HOME ?= $(HOME)/.cache
export CARGO_TARGET_DIR ?= $(XDG_CACHE_HOME)/springald/target
export SPRINGALD_BIN ?= $(CARGO_TARGET_DIR)/release/springald

VENV := $(CARGO_TARGET_DIR)/venv
BENCH_VENV := $(XDG_CACHE_HOME)/springald/bench-venv
PACKAGE := crates/python/python

.PHONY: help build demo test test-rust test-python test-browser test-rest python venv wheel lint lint-python bench bench-kernels

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Always the whole workspace: a part of it turns on fewer features of the engine, which builds it twice.
build: ## The binary, target/release/springald of the target folder
	cargo build --release --workspace
	@# Cargo strips nothing but debug information from a package that has a profile override.
	@strip $(CARGO_TARGET_DIR)/release/springald
	@ls -l $(CARGO_TARGET_DIR)/release/springald | awk '{ printf "%s: %.0f MB\n", $$NF, $$5 / 1e6 }'

demo: build ## A cluster of one master and two workers, and work on it
	data/demo.sh

test: build ## Every test; the last line says how many passed and failed
	@log=$$(mktemp); status=0; \
	{ $(MAKE) test-rust && touch "$$log.rust"; $(MAKE) test-python && touch "$$log.python"; } 2>&1 | tee "$$log" || true; \
	[ -e "$$log.rust" ] && [ -e "$$log.python" ] || status=1; \
	awk '/^test result:/ { passed += $$4; failed += $$6 } \
	     /^error: test failed|^error: could not compile/ { broken = 1 } \
	     /^pytest: / { passed += $$2; failed += $$4 } \
	     END { if ('$$status' && !failed) failed = 1; printf "%d passed, %d failed\n", passed, failed }' "$$log"; \
	rm -f "$$log" "$$log.rust" "$$log.python"; exit $$status

test-rust: build ## The tests of the crates, and of clusters of processes
	cargo test --release --workspace --no-fail-fast

test-python: python wheel ## The tests of the Python package, and its wheel in a fresh venv
	rm -rf $(VENV)-wheel && python3 -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/pip install -q --disable-pip-version-check dist/springald-*.whl
	cd $(VENV)-wheel && env -u SPRINGALD_BIN bin/python $(CURDIR)/crates/python/tools/first_steps.py
	cd crates/python && { PYTHONPATH=python $(VENV)/bin/python -m pytest --junitxml=$(VENV)/pytest.xml || touch $(VENV)/failed; }
	@$(VENV)/bin/python crates/python/tools/count.py $(VENV)/pytest.xml
	@if [ -e $(VENV)/failed ]; then rm $(VENV)/failed; exit 1; fi

test-browser: python ## JupyterLab in Chromium: tables, progress, plots, interrupts
	cd crates/python/tests/browser && PYTHONPATH=../../python $(VENV)/bin/python -m pytest -c /dev/null --rootdir . .

test-rest: build venv ## The REST interface against its OpenAPI document, by schemathesis
	$(VENV)/bin/python crates/python/tests/rest/run_schemathesis.py

venv: $(VENV)/ready

$(VENV)/ready: crates/python/requirements-test.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

wheel: venv ## The wheel of the Python package, in dist/
	@rm -f dist/springald-*.whl
	$(VENV)/bin/maturin build --release --quiet --out dist -m crates/python/Cargo.toml
	@ls -l dist/springald-*.whl | awk '{ printf "%s: %.0f MB\n", $$NF, $$5 / 1e6 }'

python: build venv ## The package ready to import from its sources, with $(VENV)/bin/python and PYTHONPATH=$(PACKAGE)
	@ln -sf $(CARGO_TARGET_DIR)/release/lib_internal.so $(PACKAGE)/springald/_internal.abi3.so

lint: ## Formatting and clippy, as CI has them
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

lint-python: venv ## Formatting, ruff and types of the Python package
	cd crates/python && $(VENV)/bin/ruff check . ../../benches && $(VENV)/bin/ruff format --check . ../../benches && $(VENV)/bin/mypy python

bench: python $(BENCH_VENV)/ready $(if $(WITH),$(BENCH_VENV)/ready-more) $(if $(findstring sail,$(WITH)),$(BENCH_VENV)-sail/ready) ## Beside Spark and others: make bench SIZE=small|medium|large WITH=duckdb,sklearn ONLY=tpch DOCS=1
	cd benches && $(BENCH_VENV)/bin/python -m compare --size $(or $(SIZE),small) $(if $(WITH),--with $(WITH)) \
	  $(if $(WITHOUT),--without $(WITHOUT)) $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(STRINGS),--strings $(STRINGS)) $(if $(OUT),--out $(abspath $(OUT))) $(if $(SPOIL),--spoil $(SPOIL)) \
	  $(if $(DOCS),--docs) $(BENCH_FLAGS)

$(BENCH_VENV)/ready: benches/compare/requirements.txt
	python3 -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

$(BENCH_VENV)/ready-more: benches/compare/requirements-more.txt $(BENCH_VENV)/ready
	$(BENCH_VENV)/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

$(BENCH_VENV)-sail/ready: benches/compare/requirements-sail.txt
	python3 -m venv $(BENCH_VENV)-sail
	$(BENCH_VENV)-sail/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

bench-kernels: ## The kernels of linear regression and k-means, beside the machine's ceiling
	cargo bench --workspace --bench kmeans --bench least_squares

include docker/targets.mk
