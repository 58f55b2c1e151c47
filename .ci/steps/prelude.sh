# Sourced by each step: strict bash, the root of the tree, pinned tools. Steps run alone as well.
# shellcheck shell=bash
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
TOOLS=$TARGET/tools
# What tests, and what runs beside them, are built with: all features of all crates. Whoever builds tests says so, or all of
# them are built twice. What is measured and shipped is the release build, with the features that are on by default.
TESTED=(--workspace --all-features --locked)

# tool NAME VERSION: installs this version of a cargo subcommand under target/, once. Built quickly, as it runs once.
tool() {
  if [ ! -x "$TOOLS/$1-$2/bin/$1" ]; then
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
      cargo install "$1" --version "=$2" --locked --root "$TOOLS/$1-$2"
  fi
  PATH=$TOOLS/$1-$2/bin:$PATH
}

# The names of our packages for which the Python expression about `p`, its metadata, is true.
packages_where() {
  cargo metadata --format-version=1 --no-deps --locked |
    python3 -c "import json, sys; [print(p['name']) for p in json.load(sys.stdin)['packages'] if $1]"
}
