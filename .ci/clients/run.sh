#!/usr/bin/env bash
# Real clients of both protocol eras through the gateway to a real, legacy server: HTTP and stdio
# on either side. A client that may choose must end up with the modern protocol, bridged for it.
# Usage: run.sh MCPO2_BIN
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MCPO2=$(realpath "${1:?usage: run.sh MCPO2_BIN}")

# start_gateway NAME ARGS...: `mcpo2 serve` in front of ARGS; sets GATEWAY and GATEWAY_URL.
start_gateway() {
  local name=$1 port
  shift
  port=$(free_port)
  start "$name" "$MCPO2" serve --listen "127.0.0.1:$port" --dir "$SCRATCH/$name" "$@"
  GATEWAY=$PID
  wait_for_port "$port" "$GATEWAY"
  GATEWAY_URL=http://127.0.0.1:$port/mcp
}

# stop_gateway: asks it to end, and wants status 0 and no child left behind.
stop_gateway() {
  local children child
  children=$(cat /proc/"$GATEWAY"/task/*/children)
  kill -TERM "$GATEWAY"
  wait_for_end "$GATEWAY"
  if ! wait "$GATEWAY"; then
    echo "the gateway did not end with status 0" >&2
    return 1
  fi
  for child in $children; do
    STARTED+=("$child")
    wait_for_end "$child"
  done
}

drive_http() {
  drive "$MODERN" "$GATEWAY_URL"
  "$PYTHON" "$CLIENTS/fastmcp_call.py" "$GATEWAY_URL"
}

install_clients
start_everything

echo "== clients -HTTP-> mcpo2 -HTTP-> server-everything"
start_gateway http-http --upstream "$URL"
drive_http
stop_gateway

echo "== clients -HTTP-> mcpo2 -stdio-> server-everything"
start_gateway http-stdio -- node "$EVERYTHING" stdio
drive_http
stop_gateway

echo "== clients -stdio-> mcpo2 -HTTP-> server-everything"
drive "$MODERN" -- "$MCPO2" serve --stdio --dir "$SCRATCH/stdio-http" --upstream "$URL"

echo "== clients -stdio-> mcpo2 -stdio-> server-everything"
drive "$MODERN" -- "$MCPO2" serve --stdio --dir "$SCRATCH/stdio-stdio" -- node "$EVERYTHING" stdio
