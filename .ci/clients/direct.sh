#!/usr/bin/env bash
# The clients against the servers themselves, no gateway between: proves that client and server agree, so that a
# failure in run.sh is the gateway's.
# Usage: direct.sh FIXTURE_BIN
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FIXTURE=$(realpath "${1:?usage: direct.sh FIXTURE_BIN}")

install_clients
mkdir "$SCRATCH/files"

echo "== server-everything over HTTP"
start_everything
drive_http everything '' "$LEGACY" "$URL"
drive_tasks_v1 everything '' "$URL"

echo "== server-everything over stdio"
drive everything '' "$LEGACY" -- node "$EVERYTHING" stdio

echo "== server-filesystem over stdio"
drive filesystem '' "$LEGACY" -- node "$FILESYSTEM" "$SCRATCH/files"

echo "== the fixture over HTTP"
start_fixture "$FIXTURE"
drive_http fixture '' "$MODERN" "$FIXTURE_URL"
drive_tasks fixture '' "$FIXTURE_URL"

echo "== the fixture over stdio"
drive fixture '' "$MODERN" -- "$FIXTURE" --stdio
