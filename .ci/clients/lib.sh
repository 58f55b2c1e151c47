# Sourced by direct.sh and run.sh: the clients, and the server that they talk to.
# shellcheck shell=bash

CLIENTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=$CLIENTS/.venv/bin/python
SERVERS=$CLIENTS/node_modules/@modelcontextprotocol
EVERYTHING=$SERVERS/server-everything/dist/index.js
LEGACY=2025-11-25
MODERN=2026-07-28

. "$CLIENTS/../processes.sh"

# Installs the pinned clients and servers beside this file, unless the pins are as installed.
install_clients() {
  if ! cmp -s "$CLIENTS/requirements.txt" "$CLIENTS/.venv/installed.txt"; then
    python3 -m venv --clear "$CLIENTS/.venv"
    "$PYTHON" -m pip install --quiet --no-deps --disable-pip-version-check \
      --requirement "$CLIENTS/requirements.txt"
    cp "$CLIENTS/requirements.txt" "$CLIENTS/.venv/installed.txt"
  fi
  if ! cmp -s "$CLIENTS/package-lock.json" "$CLIENTS/node_modules/installed.json"; then
    npm ci --prefix "$CLIENTS" --no-audit --no-fund --loglevel=error
    cp "$CLIENTS/package-lock.json" "$CLIENTS/node_modules/installed.json"
  fi
}

# start_everything: server-everything over HTTP; sets URL.
start_everything() {
  local port
  port=$(free_port)
  PORT=$port start everything node "$EVERYTHING" streamableHttp
  wait_for_port "$port" "$PID"
  URL=http://127.0.0.1:$port/mcp
}

# drive AUTO TARGET...: every client against a URL or a command; AUTO is the version that a client
# free to choose must end up with.
drive() {
  local auto=$1
  shift
  "$PYTHON" "$CLIENTS/list_and_call.py" --mode auto --protocol "$auto" "$@"
  "$PYTHON" "$CLIENTS/list_and_call.py" --mode legacy --protocol "$LEGACY" "$@"
  node "$CLIENTS/list_and_call.mjs" --mode auto --protocol "$auto" "$@"
  node "$CLIENTS/list_and_call.mjs" --mode legacy --protocol "$LEGACY" "$@"
  node "$CLIENTS/sdk_v1.mjs" --protocol "$LEGACY" "$@"
}
