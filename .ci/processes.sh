# Sourced: servers in the background that end with the script, whatever ends it.
# shellcheck shell=bash

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
