# Sourced by direct.sh and run.sh: installing the clients, starting and stopping what they talk to.
# shellcheck shell=bash

CLIENTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=$CLIENTS/.venv/bin/python
SERVERS=$CLIENTS/node_modules/@modelcontextprotocol
EVERYTHING=$SERVERS/server-everything/dist/index.js
LEGACY=2025-11-25
MODERN=2026-07-28

SCRATCH=$(mktemp -d)
STARTED=()

# Stops whatever still runs; on failure shows what it said.
finish() {
  local status=$? pid log
  trap - EXIT
  set +e # the status that counts is kept; nothing below may cut the cleaning short
  for pid in "${STARTED[@]}"; do
    kill -TERM "$pid" 2>/dev/null && wait "$pid"
  done
  if [ "$status" -ne 0 ]; then
    for log in "$SCRATCH"/*.log; do
      [ -e "$log" ] || continue
      printf -- '--- %s\n' "${log##*/}" >&2
      tail -n 40 "$log" >&2
    done
  fi
  rm -rf "$SCRATCH"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

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

# Prints a port that nobody listens on.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME COMMAND...: in the background, its output in NAME.log; sets PID.
start() {
  local name=$1
  shift
  "$@" >"$SCRATCH/$name.log" 2>&1 </dev/null &
  PID=$!
  STARTED+=("$PID")
}

# wait_for_port PORT PID: returns when something listens; fails when PID ended, or after 30 s.
wait_for_port() {
  local port=$1 pid=$2 deadline=$((SECONDS + 30))
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
      echo "process $pid ended before it listened on port $port" >&2
      return 1
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "nothing listens on port $port after 30 s" >&2
      return 1
    fi
    sleep 0.1
  done
}

# wait_for_end PID: fails when PID still runs after 10 s.
wait_for_end() {
  local pid=$1 deadline=$((SECONDS + 10))
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "process $pid still runs after 10 s" >&2
      return 1
    fi
    sleep 0.1
  done
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
