# What CI runs, a person runs: `just check`. `just --list` shows everything.

set shell := ["bash", "-euo", "pipefail", "-c"]

# The whole service on this machine.
up *ARGS:
    cargo run --release -- up {{ARGS}}

# Everything that must hold before a change lands.
check: test fmt clippy doc deny machete book ts browser foreign terraform

# Unit tests beside the code, and whole-system tests in tests/.
test:
    cargo test --workspace

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, sources and banned crates. Advisories need the network: `just advisories`.
deny:
    cargo deny --log-level error check bans licenses sources

advisories:
    cargo deny check advisories

# Dependencies that nothing uses.
machete:
    cargo machete --with-metadata

# The TypeScript client: types that follow the OpenAPI document, tests on sockets, and against the whole service.
ts:
    cd clients/typescript && npm ci --silent --no-audit --no-fund && npm test
    cd clients/typescript && OFFLOAD_BIN="${OFFLOAD_BIN:-$PWD/../../target/debug/offload}" npm run test:e2e

# The same in Debian's Chromium, across origins. After `just ts`.
browser:
    cd clients/typescript && OFFLOAD_BIN="${OFFLOAD_BIN:-$PWD/../../target/debug/offload}" npm run test:browser

# Writes openapi/openapi.json anew from the code; `just test` fails while they differ.
openapi:
    UPDATE_OPENAPI=1 cargo test -p offload-api openapi

# Api and worker on moto, which is none of ours: half a minute. Others by `--s3 URL --sqs URL --dynamodb URL`.
foreign *ARGS="--differs a_tampered_url_is_refused":
    cargo build --workspace --bins
    python3 tests/foreign/run.py {{ARGS}}

# Terraform: format, checkov, and with a mirror of the providers in TF_PLUGIN_MIRROR its own validation.
terraform:
    infra/terraform/check

# kill -9 of api and worker at every call of the write protocol, 100 orders each.
crash-matrix ORDERS="100":
    cargo build --release --workspace --bins
    target/release/crash-matrix {{ORDERS}}

# Many orders while every service fails and loses answers, messages come twice and out of order, and workers are killed.
ordeal ORDERS="10000":
    cargo build --release --workspace --bins
    target/release/ordeal {{ORDERS}}

# The write protocol, model checked with up to DEPTH faults in one run; `just test` does so with one.
model DEPTH="3":
    OFFLOAD_MODEL_DEPTH={{DEPTH}} cargo test --release -p offload-shared --test protocol_model -- --nocapture --test-threads 1

# Removes each guard of the write protocol from the code in turn, and tells which tests notice: half an hour.
mutations *ARGS:
    python3 tests/mutations/run.py {{ARGS}}

# What clients pay in simulated queues, beside the figures to beat: half a minute. `--quick`, `--seed N`, `--json`.
sim *ARGS:
    cargo run --release -p offload-sim -- --plot docs/img/polls-vs-delay.svg {{ARGS}}

# The Lambda packages, target/package/*.zip: `--arch x86_64` for the other processor.
package *ARGS:
    python3 infra/package.py {{ARGS}}

# Whether messages that nobody can read slow the orders down: clean and poisoned runs by turns, two minutes.
poison *ARGS:
    cargo run --release -p offload-poison -- {{ARGS}}

# What clients pay by the real system: 2,000 orders in a Poisson stream at 70 %, then 500 at once; six minutes.
polls *ARGS:
    cargo run --release -p offload-polls -- {{ARGS}}

# What telling of changes costs: latency and memory at 5,000 connections, and a dead webhook beside a good one. `--only memory`.
push *ARGS:
    cargo build --release -p offload-api
    cargo run --release -p offload-push -- {{ARGS}}

# Cold starts of the packaged programs, under a double of Lambda's Runtime API. After `just package`.
coldstart ARCH="x86_64" *ARGS:
    OFFLOAD_TEST_PROGRAMS="${CARGO_TARGET_DIR:-target}/{{ARCH}}-unknown-linux-gnu/lambda" cargo run --release -p offload-coldstart -- {{ARGS}}

# The book in docs/, to target/book. A warning is an error
[group('docs')]
book:
    mdbook build docs 2>&1 | tee /dev/stderr | { ! grep -q -E 'WARN|ERROR'; }

# Writes the generated parts of docs/reference; `just test` fails while they differ
[group('docs')]
reference:
    cargo build --workspace --bins
    UPDATE_REFERENCE=1 cargo test --workspace --test docs reference

# Records `offload up` and `offload submit --wait` for the README
[group('docs')]
recording:
    cargo build --release
    python3 docs/recording/record.py "${CARGO_TARGET_DIR:-target}/release/offload" docs/img/recording.svg
