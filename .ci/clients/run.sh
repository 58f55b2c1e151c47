#!/usr/bin/env bash
# Real clients of both protocol eras through the gateway to real servers of both: HTTP and stdio on either side, one
# server alone and three federated. A client that may choose must end up with the modern protocol, bridged for it where
# the server is legacy.
# Usage: run.sh MCPO2_BIN FIXTURE_BIN
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MCPO2=$(realpath "${1:?usage: run.sh MCPO2_BIN FIXTURE_BIN}")
FIXTURE=$(realpath "${2:?usage: run.sh MCPO2_BIN FIXTURE_BIN}")

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

# children PID: prints the process's children. A thread may end before it is looked at; anything else is an error.
children() {
  local thread
  for thread in /proc/"$1"/task/*; do
    if ! cat "$thread/children" 2>/dev/null && [ -e "$thread" ]; then
      echo "$thread/children cannot be read" >&2
      return 1
    fi
  done
}

# stop_gateway: asks it to end, and wants status 0 and no child left behind.
stop_gateway() {
  local children child
  children=$(children "$GATEWAY")
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

install_clients
mkdir "$SCRATCH/files"
start_everything
start_fixture "$FIXTURE"

echo "== clients -HTTP-> mcpo2 -HTTP-> server-everything"
start_gateway http-http --upstream "$URL"
drive_http everything '' "$MODERN" "$GATEWAY_URL"
drive_tasks everything '' "$GATEWAY_URL"
drive_tasks_v1 everything '' "$GATEWAY_URL"
stop_gateway

echo "== clients -HTTP-> mcpo2 -stdio-> server-everything"
start_gateway http-stdio -- node "$EVERYTHING" stdio
drive_http everything '' "$MODERN" "$GATEWAY_URL"
drive_tasks everything '' "$GATEWAY_URL"
drive_tasks_v1 everything '' "$GATEWAY_URL"
stop_gateway

echo "== clients -stdio-> mcpo2 -HTTP-> server-everything"
drive everything '' "$MODERN" -- "$MCPO2" serve --stdio --dir "$SCRATCH/stdio-http" --upstream "$URL"

echo "== clients -stdio-> mcpo2 -stdio-> server-everything"
drive everything '' "$MODERN" -- "$MCPO2" serve --stdio --dir "$SCRATCH/stdio-stdio" -- node "$EVERYTHING" stdio

echo "== clients -HTTP-> mcpo2 -stdio-> server-filesystem"
start_gateway files -- node "$FILESYSTEM" "$SCRATCH/files"
drive_http filesystem '' "$MODERN" "$GATEWAY_URL"
stop_gateway

echo "== clients -HTTP-> mcpo2 -HTTP-> fixture"
start_gateway fixture-http --upstream "$FIXTURE_URL"
drive_http fixture '' "$MODERN" "$GATEWAY_URL"
drive_tasks fixture '' "$GATEWAY_URL"
stop_gateway

echo "== clients -stdio-> mcpo2 -stdio-> fixture"
drive fixture '' "$MODERN" -- "$MCPO2" serve --stdio --dir "$SCRATCH/fixture-stdio" -- "$FIXTURE" --stdio

echo "== tasks of sessions -HTTP-> mcpo2 -stdio-> fixture without sessions"
start_gateway modern-stdio -- "$FIXTURE" --modern --stdio
drive_tasks_v1 fixture '' "$GATEWAY_URL"
stop_gateway

echo "== clients -HTTP-> mcpo2 -> all three, federated"
cat >"$SCRATCH/federated.yaml" <<END
version: 1
identity:
  anonymous: { tenant: local }
modules:
  - { id: everything, family: engineering, approval: approved, http: { url: "$URL" } }
  - id: files
    family: engineering
    approval: approved
    stdio: { command: node, args: ["$FILESYSTEM", "$SCRATCH/files"], inherit_env: [PATH] }
  - { id: fixture, family: engineering, approval: approved, http: { url: "$FIXTURE_URL" } }
policy:
  rules:
    - { id: all-for-everybody, effect: allow }
END
start_gateway federated --file "$SCRATCH/federated.yaml"
drive_http everything everything__ "$MODERN" "$GATEWAY_URL"
drive_tasks everything everything__ "$GATEWAY_URL"
drive_tasks_v1 everything everything__ "$GATEWAY_URL"
drive_http filesystem files__ "$MODERN" "$GATEWAY_URL"
drive_http fixture fixture__ "$MODERN" "$GATEWAY_URL"
drive_tasks fixture fixture__ "$GATEWAY_URL"
stop_gateway

echo "== client -HTTP-> mcpo2 -stdio-> server-filesystem, with a file of 10 MB"
for n in $(seq 200000); do echo "line $n of a file that no conversation has room for"; done >"$SCRATCH/files/large.txt"
ada=$("$MCPO2" key --tenant acme ada) eve=$("$MCPO2" key --tenant acme eve)
cat >"$SCRATCH/artifacts.yaml" <<END
version: 1
identity:
  api_keys:
    - { id: ada, tenant: acme, hash: "$(sed -n 's/.*\(b3:[0-9a-f]*\).*/\1/p' <<<"$ada")" }
    - { id: eve, tenant: acme, hash: "$(sed -n 's/.*\(b3:[0-9a-f]*\).*/\1/p' <<<"$eve")" }
modules:
  - id: files
    family: engineering
    approval: approved
    stdio: { command: node, args: ["$FILESYSTEM", "$SCRATCH/files"], inherit_env: [PATH] }
  - { id: kept, family: engineering, approval: approved, builtin: artifact }
policy:
  rules:
    - { id: all-of-acme, effect: allow, tenants: [acme] }
artifact: { threshold_bytes: 65536, max_object_bytes: 67108864, max_read_bytes: 1048576 }
END
start_gateway artifacts --file "$SCRATCH/artifacts.yaml"
node "$CLIENTS/artifacts.mjs" "$GATEWAY_URL" \
  "$(grep -o 'mcpo2_[A-Za-z0-9_-]*' <<<"$ada" | head -n 1)" "$(grep -o 'mcpo2_[A-Za-z0-9_-]*' <<<"$eve" | head -n 1)" \
  "$SCRATCH/files/large.txt"
stop_gateway
