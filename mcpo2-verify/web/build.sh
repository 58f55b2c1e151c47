#!/usr/bin/env bash
# build.sh DIR: the page and its WebAssembly, into DIR.
set -euo pipefail
out=$(realpath -m "${1:?where to?}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# no path of this machine stands in what is built, so that others can build the same
home=${CARGO_HOME:-$HOME/.cargo}
export RUSTFLAGS="--remap-path-prefix=$home=/cargo --remap-path-prefix=$PWD=/mcpo2"
cargo rustc --locked -p mcpo2-verify-web --lib --crate-type cdylib --profile web --target wasm32-unknown-unknown

mkdir -p "$out"
cp mcpo2-verify/web/page/* "$out"
cp "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/web/mcpo2_verify_web.wasm" "$out"
