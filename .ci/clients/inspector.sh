#!/usr/bin/env bash
# Drives a server-everything or a fixture with the inspector's CLI, a client of its own each time: legacy, one handshake
# a run.
# Usage: inspector.sh everything|fixture PREFIX URL
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

server=${1:?} prefix=$2 url=${3:?}

# inspect EXPECTED ARGS...: one request; fails unless the answer contains EXPECTED.
inspect() {
  local expected=$1 answer
  shift
  answer=$(MCP_CATALOG_PATH=$SCRATCH/catalog.json HOME=$SCRATCH "$NODE22" \
    "$CLIENTS/node_modules/.bin/mcp-inspector" --cli "$url" --transport http "$@" 2>"$SCRATCH/inspector.log")
  if [[ $answer != *"$expected"* ]]; then
    printf 'inspector %s: no %s in %s\n' "$*" "$expected" "$answer" >&2
    return 1
  fi
}

case $server in
everything)
  inspect "\"${prefix}get-sum\"" --method tools/list
  inspect 'The sum of 2 and 40 is 42.' --method tools/call --tool-name "${prefix}get-sum" --tool-arg a=2 b=40
  inspect "\"${prefix}simple-prompt\"" --method prompts/list
  inspect Chicago --method prompts/get --prompt-name "${prefix}args-prompt" --prompt-args city=Chicago
  inspect demo://resource/static --method resources/list
  inspect 'Resource 7' --method resources/read --uri demo://resource/dynamic/text/7
  inspect '{resourceId}' --method resources/templates/list
  ;;
fixture)
  inspect 'simple text response' --method tools/call --tool-name "${prefix}test_simple_text"
  inspect test://static-text --method resources/list
  ;;
*)
  echo "unknown server $server" >&2
  exit 2
  ;;
esac
echo "inspector: $server: tools, prompts, resources: ok"
