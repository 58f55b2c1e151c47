#!/usr/bin/env bash
# The clients against server-everything itself, no gateway between: proves that client and server
# agree, so that a failure in run.sh is the gateway's.
# Usage: direct.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_clients

echo "== server-everything over HTTP"
start_everything
drive "$LEGACY" "$URL"
"$PYTHON" "$CLIENTS/fastmcp_call.py" "$URL"

echo "== server-everything over stdio"
drive "$LEGACY" -- node "$EVERYTHING" stdio
