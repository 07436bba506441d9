# `make help` lists the targets. All of them build in one folder and one profile, because a cold build
# of the engine takes half an hour.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

XDG_CACHE_HOME ?= $(HOME)/.cache
export CARGO_TARGET_DIR ?= $(XDG_CACHE_HOME)/springald/target
export SPRINGALD_BIN ?= $(CARGO_TARGET_DIR)/release/springald

.PHONY: help build demo test lint bench bench-tpch bench-analytics bench-kernels bench-latency

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
	@data=$$(mktemp); status=0; \
	cargo test --release --workspace --no-fail-fast 2>&1 | tee "$$data" || status=$$?; \
	awk '/^test result:/ { passed += $$4; failed += $$6 } \
	     /^error: test failed|^error: could not compile/ { broken = 1 } \
	     END { if (broken && !failed) failed = 1; printf "%d passed, %d failed\n", passed, failed }' "$$data"; \
	rm -f "$$data"; exit $$status

lint: ## Formatting and clippy, as CI has them
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

bench: bench-latency bench-analytics bench-tpch ## The benches below

bench-tpch: build ## TPC-H in one process and on a cluster: make bench-tpch SF=10 STRINGS=utf8view
	benches/tpch.py --scale $(or $(SF),1) --strings $(or $(STRINGS),utf8)

bench-analytics: build ## Linear regression, k-means, word count: make bench-analytics SPARK=python-with-pyspark
	benches/analytics.py $(if $(SPARK),--spark $(SPARK))

bench-kernels: ## The kernels of linear regression and k-means, beside the machine's ceiling
	cargo bench --workspace --bench kmeans --bench least_squares

bench-latency: build ## Small warm queries through a cluster
	benches/latency.py
