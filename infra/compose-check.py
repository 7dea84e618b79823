"""Holds docker-compose.localstack.yml against the compose schema and against what the services need.

usage: compose-check.py COMPOSE_FILE SCHEMA_FILE ENVIRONMENT_JSON

Needs PyYAML and jsonschema. Prints one line a fault and exits with 1 if there is any.
"""

import json
import re
import sys

import jsonschema
import yaml

# What the SDK reads by itself; no variable of the services.
SDK_VARIABLES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
SERVICE = re.compile(r"^(api|worker)-(.+)$")
SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(text):
    """`40s`, `2m` or `1h` in seconds."""
    return int(text[:-1]) * SECONDS[text[-1]]


def interpolate(value):
    """`${NAME:-default}` as its default, the way compose does with an empty environment."""
    if isinstance(value, str):
        return re.sub(r"\$\{[A-Z0-9_]+(?::-([^}]*))?\}", lambda m: m.group(1) or "", value)
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if isinstance(value, dict):
        return {key: interpolate(item) for key, item in value.items()}
    return value


def of_schema(document, schema):
    # Named, because the file names its draft by an address that jsonschema does not know.
    validator = jsonschema.Draft201909Validator(schema)
    for error in validator.iter_errors(document):
        yield f"{'.'.join(str(part) for part in error.absolute_path)}: {error.message}"


def of_images(services):
    for name, service in services.items():
        image = service.get("image", "")
        tag = image.rpartition(":")[2] if ":" in image else ""
        if tag in ("", "latest"):
            yield f"{name}: image {image!r} has no fixed tag"


def of_ports(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: port {port} is not bound to 127.0.0.1"


def of_environment(name, kind, environment, variables):
    known = {v["name"] for v in variables if v["service"] in (kind, "both")}
    required = {v["name"] for v in variables if v["required"] and v["service"] in (kind, "both")}
    for variable in sorted(environment.keys() - known - SDK_VARIABLES):
        yield f"{name}: {variable} is no variable of the {kind}"
    for variable in sorted(required - environment.keys()):
        yield f"{name}: {variable} is required and not set"


def of_services(services, variables):
    sites = {}
    for name, service in services.items():
        match = SERVICE.match(name)
        if not match:
            continue
        kind, region = match.groups()
        environment = service["environment"]
        yield from of_environment(name, kind, environment, variables)
        if environment.get("AWS_REGION") != region:
            yield f"{name}: AWS_REGION is {environment.get('AWS_REGION')}"
        if seconds(service["stop_grace_period"]) <= seconds(environment["DRAIN_TIMEOUT"]):
            yield f"{name}: stop_grace_period must be above DRAIN_TIMEOUT"
        if "healthcheck" not in service:
            yield f"{name}: no health check"
        conditions = {key: value["condition"] for key, value in service["depends_on"].items()}
        if conditions.get("provision") != "service_completed_successfully":
            yield f"{name}: starts before everything is provisioned"
        # With each region's name put aside the two must be the same.
        text = json.dumps({**service, "ports": None}, sort_keys=True)
        peer = environment.get("PEER_REGION", "?")
        sites.setdefault(kind, []).append(text.replace(region, "HERE").replace(peer, "THERE"))
    for kind in ("api", "worker"):
        if len(sites.get(kind, [])) != 2 or len(set(sites[kind])) != 1:
            yield f"{kind}: there must be one in each region, alike but for the region"


def main():
    compose_path, schema_path, environment_path = sys.argv[1:]
    with open(compose_path, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    with open(environment_path, encoding="utf-8") as file:
        variables = json.load(file)
    services = interpolate(document)["services"]
    faults = [
        *of_schema(document, schema),
        *of_images(services),
        *of_ports(services),
        *of_services(services, variables),
    ]
    for fault in faults:
        print(f"{compose_path}: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
