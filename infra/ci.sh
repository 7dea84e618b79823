#!/usr/bin/env bash
# Checks everything under infra/ and the compose file, without an AWS account and without Docker.
#
#   bash infra/ci.sh
#
#   TF            terraform or tofu (default: whichever is on the PATH)
#   TF_PLUGINS    a provider mirror (default: a directory named tf-plugins, looked for; else the registry is tried)
#   DRCTL         a built drctl (default: the newest in target/), which prints the services' list of variables
#   INFRA_THEN    a command to run on what live/emulator has made, with SALES_STACK naming the file for
#                 `drctl --config` and AWS_ENDPOINT_URL the emulator, before the emulator is stopped
#
# What cannot be checked here is said by a line that begins with SKIP. The last line counts them.
# shellcheck disable=SC2317 # the functions below are called by `step`
set -uo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="${CARGO_TARGET_DIR:-$root/target}/infra-ci"
tree="$work/tree"
logs="$work/logs"
checkov_version=3.3.30
ministack_version=1.5.33
# The release of docker-compose whose wheel carries the schema of the compose specification.
compose_version=1.29.2
# Longest time for one step, in seconds.
step_limit=600

passed=0
failed=0
skipped=0
emulator_pid=""
lint_pid=""

# ---- reporting ------------------------------------------------------------------------------------------------------

skip() {
  skipped=$((skipped + 1))
  printf 'SKIP  %s\n' "$1"
}

# report NAME STATUS LOG SECONDS
report() {
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok    %s (%s s)\n' "$1" "$4"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s (%s s, status %s)\n' "$1" "$4" "$2"
    grep -v ': Refreshing state' "$3" | tail -n 80 | sed 's/^/      /'
  fi
}

# step NAME COMMAND… : runs it with a time limit, its output in a log that is shown when it fails.
step() {
  local name="$1" start=$SECONDS log status
  shift
  log="$logs/$(printf '%s' "$name" | tr -c 'a-zA-Z0-9' '-').log"
  if [ "$(type -t "$1")" = function ]; then
    "$@" >"$log" 2>&1
  else
    timeout "$step_limit" "$@" >"$log" 2>&1
  fi
  status=$?
  report "$name" "$status" "$log" $((SECONDS - start))
  return "$status"
}

stop_all() {
  [ -z "$emulator_pid" ] || kill "$emulator_pid" 2>/dev/null
  [ -z "$lint_pid" ] || kill "$lint_pid" 2>/dev/null
}
trap stop_all EXIT

# venv NAME REQUIREMENT… : a virtual environment that is made once; prints its bin directory.
venv() {
  local directory="$work/venv-$1"
  shift
  if [ ! -e "$directory/complete" ]; then
    rm -rf "$directory"
    python3 -m venv "$directory" >>"$logs/venv.log" 2>&1 || return 1
    timeout "$step_limit" "$directory/bin/pip" install --quiet "$@" >>"$logs/venv.log" 2>&1 || return 1
    touch "$directory/complete"
  fi
  printf '%s' "$directory/bin"
}

# ---- names that both sides must agree on ----------------------------------------------------------------------------

# The two regions' directories differ in the region's name alone.
same_regions() {
  diff -r --exclude=region.auto.tfvars --exclude=.terraform --exclude=backend.hcl \
    "$root/infra/live/prod/sa-east-1" "$root/infra/live/prod/us-east-1" || return 1
  local region
  for region in sa-east-1 us-east-1; do
    grep -qx "region = \"$region\"" "$root/infra/live/prod/$region/region.auto.tfvars" || {
      echo "live/prod/$region/region.auto.tfvars does not name $region"
      return 1
    }
  done
}

# The table attributes of infra/modules/tables are those of the Rust source.
same_table_names() {
  local index ttl
  index="$(sed -n 's/.*OUTBOX_INDEX: &str = "\(.*\)";/\1/p' "$root/shared/src/aws/names.rs")"
  ttl="$(sed -n 's/.*TTL_ATTRIBUTE: &str = "\(.*\)";/\1/p' "$root/shared/src/aws/names.rs")"
  echo "the services: index '$index', TTL attribute '$ttl'"
  grep -q "outbox_index *= \"$index\"$" "$root/infra/modules/names/main.tf" &&
    grep -q "ttl_attribute *= \"$ttl\"$" "$root/infra/modules/tables/main.tf"
}

newest_drctl() {
  if [ -n "${DRCTL:-}" ]; then
    printf '%s' "$DRCTL"
  else
    local target="${CARGO_TARGET_DIR:-$root/target}"
    # shellcheck disable=SC2012 # names without surprises, and the newest is wanted
    ls -t "$target/release/drctl" "$target/debug/drctl" 2>/dev/null | head -n 1
  fi
}

# infra/environment.json is what drctl prints.
same_environment() {
  "$1" environment --json >"$work/environment.json" || return 1
  if [ ! -s "$work/environment.json" ]; then
    echo "$1 environment --json prints nothing: is it an old build?"
    return 1
  fi
  python3 - "$root/infra/environment.json" "$work/environment.json" <<'PYTHON'
import json, sys
ours, theirs = ({v["name"]: v for v in json.load(open(path))} for path in sys.argv[1:])
for name in sorted(ours.keys() | theirs.keys()):
    if ours.get(name) != theirs.get(name):
        print(f"{name}\n  infra/environment.json: {ours.get(name)}\n  drctl environment:      {theirs.get(name)}")
if ours != theirs:
    sys.exit("infra/environment.json is out of date: drctl environment --json > infra/environment.json")
PYTHON
}

# ---- compose --------------------------------------------------------------------------------------------------------

compose_schema() {
  local bin="$1" wheel="$work/compose-wheel"
  if [ ! -e "$wheel/compose_spec.json" ]; then
    rm -rf "$wheel" && mkdir -p "$wheel"
    timeout "$step_limit" "$bin/pip" download --quiet --no-deps --dest "$wheel" "docker-compose==$compose_version" || return 1
    "$bin/python" - "$wheel" <<'PYTHON' || return 1
import glob, sys, zipfile
directory = sys.argv[1]
with zipfile.ZipFile(glob.glob(f"{directory}/*.whl")[0]) as wheel:
    open(f"{directory}/compose_spec.json", "wb").write(wheel.read("compose/config/compose_spec.json"))
PYTHON
  fi
  "$bin/python" "$root/infra/compose-check.py" "$root/docker-compose.localstack.yml" "$wheel/compose_spec.json" \
    "$root/infra/environment.json"
}

compose_config() {
  local profiles=(--profile load --profile observability --profile operator)
  if docker compose version >/dev/null 2>&1; then
    docker compose -f "$root/docker-compose.localstack.yml" "${profiles[@]}" config --quiet
  else
    docker-compose -f "$root/docker-compose.localstack.yml" "${profiles[@]}" config --quiet
  fi
}

# ---- terraform ------------------------------------------------------------------------------------------------------

find_plugins() {
  if [ -n "${TF_PLUGINS:-}" ]; then
    printf '%s' "$TF_PLUGINS"
  else
    find /opt /usr/local /usr/share /usr/lib /var/lib "$HOME" -maxdepth 3 -type d -name tf-plugins 2>/dev/null | head -n 1
  fi
}

# Terraform is told where providers come from, and works on a copy, so that no state is left in the source tree.
prepare_terraform() {
  local plugins
  plugins="$(find_plugins)"
  rm -rf "$tree" && mkdir -p "$tree" "$work/plugin-cache"
  tar -C "$root/infra" --exclude=.terraform --exclude='*.tfstate*' -cf - . | tar -C "$tree" -xf -
  if [ -n "$plugins" ]; then
    printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$plugins" >"$work/terraform.rc"
  else
    printf 'plugin_cache_dir = "%s"\n' "$work/plugin-cache" >"$work/terraform.rc"
  fi
  export TF_CLI_CONFIG_FILE="$work/terraform.rc" TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
  export TF_CLI_ARGS_init=-no-color TF_CLI_ARGS_validate=-no-color TF_CLI_ARGS_test=-no-color
  export TF_CLI_ARGS_apply=-no-color TF_CLI_ARGS_plan=-no-color
  unset TF_DATA_DIR
}

init_and_validate() {
  cd "$tree/$1" || return 1
  timeout "$step_limit" "$tf" init -backend=false "${init_options[@]}" && timeout "$step_limit" "$tf" validate
}

all_tests() {
  cd "$tree" && timeout "$step_limit" "$tf" test
}

# ---- emulator -------------------------------------------------------------------------------------------------------

# aws_call REGION SERVICE TARGET BODY : a call that the emulator takes without a real signature.
aws_call() {
  curl --silent --fail --max-time 10 -X POST "$endpoint/" \
    -H 'Content-Type: application/x-amz-json-1.1' -H "X-Amz-Target: $3" -d "$4" \
    -H "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/$1/$2/aws4_request, SignedHeaders=host, Signature=none"
}

start_emulator() {
  local bin="$1" port deadline=$((SECONDS + 60)) region key
  port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  endpoint="http://127.0.0.1:$port"
  BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" "$bin/ministack" >"$logs/ministack.log" 2>&1 &
  emulator_pid=$!
  until curl --silent --fail --max-time 2 "$endpoint/_ministack/health" >/dev/null; do
    kill -0 "$emulator_pid" && [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
  # The provider asks for the key that AWS keeps for DynamoDB in every account, and this emulator has none.
  for region in sa-east-1 us-east-1; do
    key="$(aws_call "$region" kms TrentService.CreateKey '{}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["KeyMetadata"]["KeyId"])')" || return 1
    aws_call "$region" kms TrentService.CreateAlias "{\"AliasName\":\"alias/aws/dynamodb\",\"TargetKeyId\":\"$key\"}" || return 1
  done
}

emulator_apply() {
  cd "$tree/live/emulator" || return 1
  timeout "$step_limit" "$tf" init "${init_options[@]}" &&
    timeout "$step_limit" "$tf" apply -auto-approve -var "endpoint_url=$endpoint" &&
    "$tf" output -json drctl >"$work/stack.json"
}

# The operator flips both parameters; then nothing is left to change, neither what was applied nor the flip. Status 2 of
# -detailed-exitcode, changes to make, is a failure here.
unchanged_after_flip() {
  aws_call sa-east-1 ssm AmazonSSM.PutParameter '{"Name":"/sales/sa-east-1/state","Value":"PASSIVE","Overwrite":true}' &&
    aws_call us-east-1 ssm AmazonSSM.PutParameter '{"Name":"/sales/us-east-1/state","Value":"ACTIVE","Overwrite":true}' &&
    cd "$tree/live/emulator" &&
    timeout "$step_limit" "$tf" plan -detailed-exitcode -var "endpoint_url=$endpoint"
}

run_then() {
  cd "$root" && SALES_STACK="$work/stack.json" AWS_ENDPOINT_URL="$endpoint" bash -c "$INFRA_THEN"
}

# ---- the steps ------------------------------------------------------------------------------------------------------

# One function, read whole before it runs: the file may change under it.
main() {
  mkdir -p "$logs"

  step "both regions' directories are alike" same_regions
  if [ -e "$root/shared/src/aws/names.rs" ]; then
    step "index and TTL attribute are the services' own" same_table_names
  else
    skip "index and TTL attribute: no Rust source here"
  fi
  drctl="$(newest_drctl)"
  if [ -n "$drctl" ]; then
    step "environment.json is what drctl prints" same_environment "$drctl"
  else
    skip "environment.json against drctl: none is built (cargo build -p drctl, or set DRCTL)"
  fi

  # Checkov takes a minute of one core, most of which terraform spends waiting: they run side by side.
  lint_start=$SECONDS
  if tools="$(venv "checkov-$checkov_version" "checkov==$checkov_version")"; then
    mkdir -p "$work/lint"
    rm -rf "${work:?}/lint/infra" && cp -r "$root/infra" "$root/Dockerfile" "$work/lint/"
    timeout "$step_limit" "$tools/checkov" -d "$work/lint" --config-file "$root/infra/.checkov.yaml" >"$logs/checkov.log" 2>&1 &
    lint_pid=$!
    step "compose file against the schema and the services' needs" compose_schema "$tools"
  else
    skip "checkov and the compose schema: checkov $checkov_version could not be installed"
  fi
  if docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; then
    step "compose file as docker compose reads it" compose_config
  else
    skip "compose file as docker compose reads it: no docker compose here (the schema above stands in for it)"
  fi

  tf="${TF:-$(command -v terraform || command -v tofu || true)}"
  if [ -z "$tf" ]; then
    skip "TERRAFORM: neither terraform nor tofu is on the PATH; fmt, validate, test and the emulator did not run"
  else
    prepare_terraform
    # The lock file names Terraform's registry; OpenTofu's own has other addresses.
    init_options=(-lockfile=readonly)
    case "$("$tf" version | head -n 1)" in OpenTofu*) init_options=() ;; esac

    step "fmt" "$tf" -chdir="$tree" fmt -check -recursive -diff
    if ! (cd "$tree" && timeout 120 "$tf" init "${init_options[@]}") >"$logs/init.log" 2>&1; then
      tail -n 20 "$logs/init.log" | sed 's/^/      /'
      skip "TERRAFORM PROVIDER: hashicorp/aws cannot be had (set TF_PLUGINS to a mirror); validate, test and the emulator did not run"
    else
      # The other region's directory is the same, as checked above, and the emulator's is applied below.
      for directory in live/prod/global live/prod/sa-east-1; do
        step "validate $directory" init_and_validate "$directory"
      done
      step "terraform test" all_tests
      grep -E '^(Success|Failure)!' "$logs/terraform-test.log" | sed 's/^/      /'

      if ! ministack="$(venv "ministack-$ministack_version" "ministack==$ministack_version")"; then
        skip "EMULATOR: ministack $ministack_version could not be installed; nothing was applied"
      elif step "start the emulator" start_emulator "$ministack" && step "apply live/emulator" emulator_apply; then
        # Before the flip, so that what runs starts with sa-east-1 ACTIVE.
        [ -z "${INFRA_THEN:-}" ] || step "then: $INFRA_THEN" run_then
        step "a second plan has no changes, and undoes no flip" unchanged_after_flip
      fi
    fi
  fi

  if [ -n "$lint_pid" ]; then
    wait "$lint_pid"
    report "checkov" $? "$logs/checkov.log" $((SECONDS - lint_start))
    grep -E '^Passed' "$logs/checkov.log" | sed 's/^/      /'
    lint_pid=""
  fi

  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
}

main; exit
