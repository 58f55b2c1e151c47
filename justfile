# The steps of the gate, one recipe each; `just` alone lists them.

[private]
default:
    @just --list --unsorted

# all of it, in the order of .ci/run: under an hour on two cores
gate:
    .ci/run

# what the other steps need of the machine (installs with apt as root)
machine:
    .ci/steps/machine

# cargo fmt --check
format:
    .ci/steps/format

# sizes, directions of dependencies, words
checks:
    .ci/steps/checks

# licences, duplicates, sources, the README's counts
deps:
    .ci/steps/deps

# clippy and rustc, every warning an error
lint:
    .ci/steps/lint

# cargo test --workspace, with all features
test:
    .ci/steps/test

# each example to its end
examples:
    .ci/steps/examples

# rustdoc, every warning an error
doc:
    .ci/steps/doc

# the verifier as WebAssembly, in Chromium (installs it with apt as root)
browser:
    .ci/steps/browser

# pack each publishable crate and build what was packed
package:
    .ci/steps/package

# the binary as it ships
release:
    .ci/steps/release

# what a newcomer types first
demo:
    .ci/steps/demo

# the official suite, bare and behind the gateway
conformance:
    .ci/steps/conformance

# Python and TypeScript SDKs through the gateway to a real server
clients:
    .ci/steps/clients

# each fuzz target for some seconds, by chance
fuzz seconds="300":
    FUZZ_SEED=0 FUZZ_RUNS=-1 FUZZ_SECONDS={{ seconds }} .ci/steps/fuzz

# the gateway beside its upstream and the floor: under six minutes, into benches/
bench:
    cargo build --release -p mcpo2-server -p mcpo2-load
    target/release/mcpo2-load bench --out benches

# mixed traffic, which fails where the gateway grows or answers wrongly
soak duration="3m":
    cargo build --release -p mcpo2-server -p mcpo2-load
    target/release/mcpo2-load soak --duration {{ duration }}

# write the README's dependency counts anew
write-deps:
    python3 .ci/checks/deps.py --write README.md

# the quick part, before each commit
quick: format checks lint
    cargo test --workspace
