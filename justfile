# What CI runs, a person runs: `just check`. `just --list` has every recipe.

set shell := ["bash", "-euo", "pipefail", "-c"]

target := env("CARGO_TARGET_DIR", "target")
# The program that the end-to-end tests of the TypeScript client start.
offload := env("OFFLOAD_BIN", absolute_path(target / "debug/offload"))

# Cold starts are measured with the programs of `just package`.
lambda_programs := 'OFFLOAD_TEST_PROGRAMS="' + target / arch() + '-unknown-linux-gnu/lambda"'

# What a release has is measured against what others would write.
triple := arch() + "-unknown-linux-gnu"
dist_programs := 'OFFLOAD_TEST_PROGRAMS="' + target / triple / 'dist"'

# What the system tests used of the permissions that Terraform grants.
permissions := absolute_path(target / "permissions")

# The whole service on this machine
up *ARGS:
    cargo run --release -- up {{ARGS}}

# Api and worker as a release has them, optimised by what they do under load; 20 min, then 8
dist *ARGS:
    python3 packaging/dist.py {{ARGS}}

# The Lambda packages, target/package/*.zip
package *ARGS:
    python3 infra/package.py {{ARGS}}

# Everything that must hold before a change lands
check: test fmt lint doc deny book ts console compat telemetry schemathesis contract terraform deploy aws

# Unit tests, and whole-system tests in tests/ and verify/
[group('checks')]
test:
    rm -rf "{{permissions}}" && mkdir -p "{{permissions}}"
    PERMISSIONS_USED="{{permissions}}" cargo test --workspace
    PERMISSIONS_USED="{{permissions}}" cargo test --workspace --test infra -- --ignored

# Code at 120 columns, comments and Markdown at 100; `just format` writes
[group('checks')]
fmt:
    cargo fmt --all --check
    verify/markdown check
    python3 verify/comments.py

# Formats code, comments and Markdown
format:
    cargo fmt --all
    verify/markdown fmt
    python3 verify/comments.py --fix

# Clippy's warnings, words that the glossary forbids, circles of imports
[group('checks')]
lint:
    python3 verify/words.py
    python3 verify/imports.py
    cargo clippy --workspace --all-targets -- -D warnings

# The API documentation builds without a warning
[group('checks')]
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, sources, banned and unused crates; `just deny advisories` fetches
[group('checks')]
deny *CHECKS:
    cargo deny --log-level error check {{if CHECKS == "" { "bans licenses sources" } else { CHECKS }}}
    cargo machete --with-metadata

# What the programs are made of, as CycloneDX 1.5: target/sbom/*.json. Needs cargo-cyclonedx
sbom:
    rm -rf target/sbom && mkdir -p target/sbom
    for program in cli api worker; do \
        cargo cyclonedx -q --manifest-path $program/Cargo.toml --format json --spec-version 1.5 \
            --no-build-deps --override-filename offload-sbom; \
        mv $program/offload-sbom.json target/sbom/offload-$program.cdx.json; \
    done
    find . -name offload-sbom.json -not -path './target/*' -delete

# The TypeScript client: types, unit tests, end-to-end tests in Node and Chromium
[group('checks')]
ts:
    cd clients/typescript && npm ci --silent --no-audit --no-fund && npm test
    cd clients/typescript && OFFLOAD_BIN="{{offload}}" npm run test:e2e
    cd clients/typescript && OFFLOAD_BIN="{{offload}}" npm run test:browser

# The console: types, unit tests, dist/ against its sources and budget, each page in Chromium; 1 min
[group('checks')]
console:
    cd console && npm ci --silent --no-audit --no-fund && npm test
    cd console && npm run test:pages
    cd console && OFFLOAD_BIN="{{offload}}" npm run test:real

# Terraform: format, checkov, and validation by TF_PLUGIN_MIRROR
[group('checks')]
terraform:
    infra/terraform/check

# Each set-up of Terraform, applied to moto, compared with the CDK, driven, destroyed; 6 min
[group('verify')]
aws *ARGS:
    cargo build --workspace --bins
    python3 verify/aws/run.py {{ARGS}}

# The Helm chart, the compose file and the CDK: schemas, and programs with their variables
[group('checks')]
deploy:
    cargo build --workspace --bins
    python3 deploy/helm/check.py
    python3 deploy/compose/check.py
    deploy/cdk/check

# Api and worker on servers of other projects, moto by default; 30 s
[group('verify')]
compat *ARGS:
    cargo build --workspace --bins
    python3 verify/compat/run.py {{ARGS}}

# The trace of an order, metrics and alerts, by promtool, Prometheus and a collector; 1 min
[group('verify')]
telemetry *ARGS:
    cargo build --workspace --bins
    python3 verify/telemetry/run.py {{ARGS}}

# The OpenAPI document against the service, by Schemathesis; 1 min
[group('verify')]
schemathesis *ARGS:
    cargo build --workspace --bins
    OFFLOAD_BIN="{{offload}}" python3 verify/schemathesis/run.py {{ARGS}}

# A deployment against the HTTP contract in contract/, by Hurl; without a URL, `offload up`
[group('verify')]
contract *ARGS:
    OFFLOAD_BIN="{{offload}}" python3 contract/run.py {{ARGS}}

# kill -9 of api and worker at every call of the write protocol; 30 s
[group('verify')]
crash *ARGS:
    cargo build --release --workspace --bins
    {{target}}/release/crash {{ARGS}}

# 10,000 orders while services fail and workers are killed; 1 min
[group('verify')]
chaos *ARGS:
    cargo build --release --workspace --bins
    {{target}}/release/chaos {{ARGS}}

# The release program installed in each way that needs no toolchain, to a completed order; 1 min
[group('verify')]
try-packages *ARGS:
    cargo build --release --workspace --bins
    python3 packaging/try.py {{ARGS}}

# The whole system in simulated time, 2,000 seeds; `just simulation --replay SEED` prints one; 4 min
[group('verify')]
simulation *ARGS:
    cargo build --release --workspace --bins
    {{target}}/release/simulation {{ARGS}}

# The write protocol, model checked with up to DEPTH faults; 15 min
[group('verify')]
model DEPTH="3":
    OFFLOAD_MODEL_DEPTH={{DEPTH}} cargo test --release -p offload-model -- --nocapture --test-threads 1

# Which tests notice when a guard of the code is removed; 30 min
[group('verify')]
mutants *ARGS:
    python3 verify/mutants/run.py {{ARGS}}

# The costs of the service: polling-sim, polling, poison, push, fairness, isolation, calls, service,
# telemetry, growth or coldstart
[group('bench')]
bench COMMAND *ARGS:
    cargo build --release --workspace --bins
    {{if COMMAND =~ "service|growth|telemetry" { "just dist" } else { "" } }}
    {{if COMMAND == "coldstart" { lambda_programs } else if COMMAND =~ "service|growth|telemetry" { dist_programs } else { "" } }} {{target}}/release/bench {{COMMAND}} {{ARGS}}

# What the api does for an order besides its calls, one by one
[group('bench')]
micro *ARGS:
    cargo bench --workspace --bench micro -- {{ARGS}}

# The book in docs/, to target/book. A warning is an error
[group('docs')]
book:
    mdbook build docs 2>&1 | tee -a /dev/stderr | { ! grep -q -E 'WARN|ERROR'; }
    python3 docs/demo.py target/book

# Writes the OpenAPI document, the TypeScript types and docs/reference; tests fail while they differ
[group('docs')]
generate:
    UPDATE_OPENAPI=1 cargo test --workspace --lib openapi
    cargo build --workspace --bins
    UPDATE_REFERENCE=1 cargo test --workspace --test docs reference
    UPDATE_REFERENCE=1 cargo test --workspace --test infra readme
    cd clients/typescript && npm ci --silent --no-audit --no-fund && npm run types

# Records a service for the demo in the book: `just record-console http://127.0.0.1:8080`
[group('docs')]
record-console URL:
    node console/scripts/record.mjs {{URL}} docs/demo/recording.json

# Records `offload up` and `offload submit --wait` for the README
[group('docs')]
recording:
    cargo build --release
    python3 docs/recording/record.py "${CARGO_TARGET_DIR:-target}/release/offload" docs/img/recording.svg
