# `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
# The longest time of `make soak`, and the numbers of cases of its generators.
SOAK_SECONDS ?= 3600
NABIZ_FUZZ_CASES ?= 5000000
NABIZ_ORACLE_CASES ?= 100000
# How long `make fuzz` runs each target.
FUZZ_SECONDS ?= 60
# The sources of `make dashboards`, and how much of them it draws: by default as much as each
# dashboard shows.
PROMETHEUS ?= http://127.0.0.1:9090
NABIZ ?= http://127.0.0.1:9464
LAST ?=

.DEFAULT_GOAL := help
.PHONY: help demo stack build tools test lint links columns shellcheck deny bench soak fuzz dashboards pictures

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

# The demo has a profile and features of its own, because whoever tries nabiz waits for it: no
# OpenSSL, no optimisation across crates, and C libraries without optimisation or symbols.
DEMO_BUILD = CFLAGS="$${CFLAGS:-} -O0" CXXFLAGS="$${CXXFLAGS:-} -O0" MKL_NO_DEBUG_SYMBOLS=y
DEMO_FLAGS = --profile demo --no-default-features --locked --bin nabiz

demo: tools ## a simulated contact centre, the pipeline and the live page, with nothing else to install
	@$(DEMO_BUILD) $(CARGO) run $(DEMO_FLAGS) -- demo

stack: build ## the whole product on loopback: Kafka, nabiz, Prometheus, Alertmanager, a burst water main and a pager
	scripts/install-tools perl java mvn promtool amtool update-ca-certificates
	scripts/fetch-kafka >/dev/null
	@deploy/local/stack

build: tools ## the release program, target/release/nabiz
	$(CARGO) build --release --locked

tools:
	@missing=(); \
	command -v $(CARGO) >/dev/null || missing+=("cargo (Rust 1.95 or newer)"); \
	command -v cc >/dev/null || missing+=("cc (a C compiler; on Debian: build-essential)"); \
	command -v make >/dev/null || missing+=("make (on Debian: build-essential)"); \
	command -v perl >/dev/null || missing+=("perl (on Debian: perl)"); \
	if [ "$${#missing[@]}" -gt 0 ]; then \
	    printf 'to build nabiz, install first:\n' >&2; printf '  %s\n' "$${missing[@]}" >&2; exit 1; \
	fi

test: ## every test, with a real Kafka; on Debian as root it installs what it needs
	scripts/install-tools
	scripts/fetch-kafka >/dev/null
	npm ci --prefix grafana/check --ignore-scripts --no-audit --no-fund --silent
	npm ci --prefix grafana/draw --no-audit --no-fund --silent
	$(CARGO) test --workspace --locked -- --include-ignored

lint: links columns shellcheck ## format, clippy and docs, with warnings as errors, and the three below
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --locked --all-targets -- -D warnings
	CUSTOM_LIBFUZZER_PATH=/dev/null $(CARGO) check --locked --manifest-path fuzz/Cargo.toml --target-dir target
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --workspace --locked --no-deps --document-private-items

links: ## every relative link of the Markdown files leads to a file and a heading
	scripts/install-tools perl
	@scripts/check-links

columns: ## lines of prose in the Markdown files end at 100 columns
	scripts/install-tools perl
	@scripts/check-columns

shellcheck: ## every shell and Perl script
	scripts/install-tools perl shellcheck
	@scripts/check-scripts

deny: ## licences, advisories, duplicates and sources of the dependencies, by deny.toml
	@command -v cargo-deny >/dev/null || { echo "deny: install it first: cargo install cargo-deny --locked" >&2; exit 1; }
	$(CARGO) deny --locked check

bench: ## every benchmark, the last side by side with others over a real Kafka; writes benches/RESULTS.md
	scripts/install-tools cc make perl java mvn openssl update-ca-certificates
	scripts/fetch-kafka >/dev/null
	$(CARGO) bench --locked -p nabiz-planning --bench forecast
	$(CARGO) bench --locked

soak: ## long runs of the generated tests, in the release profile; bounded by SOAK_SECONDS
	scripts/install-tools
	scripts/fetch-kafka >/dev/null
	npm ci --prefix grafana/check --ignore-scripts --no-audit --no-fund --silent
	npm ci --prefix grafana/draw --no-audit --no-fund --silent
	NABIZ_FUZZ_CASES=$(NABIZ_FUZZ_CASES) NABIZ_ORACLE_CASES=$(NABIZ_ORACLE_CASES) NABIZ_SOAK_RECORDS=20000000 NABIZ_HISTORY_DAYS=365 NABIZ_MUTATIONS=1000000 NABIZ_PLANNING_CASES=20000 \
	NABIZ_CHAOS_RECORDS=200000 NABIZ_CHAOS_KILLS=20 NABIZ_CHAOS_BROKER_KILLS=3 NABIZ_CHAOS_JOINS=10 NABIZ_CHAOS_PARTS=5 \
	    timeout $(SOAK_SECONDS) $(CARGO) test --workspace --release --locked -- --include-ignored --nocapture

fuzz: ## the targets in fuzz/, each for FUZZ_SECONDS, with cargo-fuzz and a nightly compiler
	fuzz/run $(FUZZ_SECONDS)

dashboards: ## docs/images/*.png, drawn with Grafana's components from what PROMETHEUS and NABIZ answer
	npm ci --prefix grafana/draw --no-audit --no-fund --silent
	node grafana/generate.mjs
	node grafana/draw/collect.mjs target/dashboards.json --prometheus $(PROMETHEUS) --nabiz $(NABIZ) $(if $(LAST),--last $(LAST))
	mkdir -p docs/images
	$(CARGO) run --quiet --locked -p nabiz-dev --bin draw-dashboards -- target/dashboards.json docs/images

# The dashboards need a Prometheus with data: see `make dashboards`.
pictures: tools ## docs/images/page.png, the live page during a burst in the demo, and the pages of plans; takes six minutes
	scripts/install-tools chromium
	$(DEMO_BUILD) $(CARGO) build $(DEMO_FLAGS)
	mkdir -p docs/images
	$(CARGO) run --quiet --locked -p nabiz-dev --bin picture-page -- target/demo/nabiz docs/images/page.png
	mkdir -p target/pictures
	NABIZ_SCREENSHOTS=$(CURDIR)/target/pictures $(CARGO) test --quiet --locked --test it -- --ignored plan_page_fits
	cp target/pictures/plan-light.png docs/images/plan.png
	cp target/pictures/plan-phone-light.png docs/images/plan-phone.png
