# Steps of .ci/run that need a process beside them. Each ends what it started, by its id.

MINISTACK_VERSION=1.5.33

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for URL SECONDS
wait_for() {
    local deadline=$((SECONDS + $2))
    until curl -sf -o /dev/null --max-time 2 "$1"; do
        [ $SECONDS -lt $deadline ] || { echo "$1 did not answer within $2 s"; return 1; }
        sleep 0.2
    done
}

# stop PID SIGNAL
stop() {
    kill "-$2" "$1" 2>/dev/null
    wait "$1"
}

on_ministack() {
    local venv=target/ministack-venv port pid status
    if ! "$venv/bin/pip" show ministack 2>/dev/null | grep -q "^Version: $MINISTACK_VERSION\$"; then
        python3 -m venv "$venv" && "$venv/bin/pip" install -q "ministack==$MINISTACK_VERSION" || return 1
    fi
    port=$(free_port)
    BIND_HOST=127.0.0.1 GATEWAY_PORT=$port "$venv/bin/ministack" >target/ministack.log 2>&1 &
    pid=$!
    if wait_for "http://127.0.0.1:$port/_ministack/health" 60; then
        E2E_ENDPOINT="http://127.0.0.1:$port" cargo test --workspace --test e2e -- portable:: --test-threads 2
        status=$?
    else
        tail -20 target/ministack.log
        status=1
    fi
    stop "$pid" TERM
    return "$status"
}

smoke() {
    local base aws pid id status=0 api told drctl=target/debug/drctl
    base=$(free_port)
    [ "$base" -lt 65000 ] || base=28080
    aws=$((base + 20))
    api="http://127.0.0.1:$base"
    "$drctl" up --port-base "$base" >target/smoke.log 2>&1 &
    pid=$!
    wait_for "$api/readiness" 30 || { cat target/smoke.log; stop "$pid" INT; return 1; }
    id=$(curl -sf "$api/sales" -H 'content-type: application/json' -d '{"product":"Book","amount":223.34}' |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])') || status=1
    processed "$api" "$id" || status=1
    "$drctl" --endpoint "http://127.0.0.1:$aws" flip --to us-east-1 || status=1
    curl -sf "$api/state" >/dev/null || status=1
    "$drctl" --endpoint "http://127.0.0.1:$aws" status || status=1
    told=$("$drctl" up --port-base "$base" 2>&1) && { echo "a taken port is no error"; status=1; }
    grep -q -- '--port-base' <<<"$told" || { echo "a taken port is not told: $told"; status=1; }
    stop "$pid" INT || { echo "drctl up did not end cleanly"; cat target/smoke.log; status=1; }
    return "$status"
}

# processed API ID
processed() {
    local deadline=$((SECONDS + 20))
    until curl -sf "$1/sales/$2" | grep -q '"processed":true'; do
        [ $SECONDS -lt $deadline ] || { echo "sale $2 was not processed within 20 s"; return 1; }
        sleep 0.1
    done
}
