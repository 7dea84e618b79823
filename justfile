# The same commands as in the README and in .ci/run, for those who use just.

default:
    @just --list

# Two regions on this machine
up *args:
    cargo run -p drctl -- up {{args}}

# All tests
test:
    cargo test --workspace

# Formatter and linter
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Everything that must hold before a change lands
ci:
    bash .ci/run

# Licences, advisories, sources (needs cargo-deny)
deny:
    cargo deny check

# Many seeded histories of two regions
simulate seeds="10000":
    cargo run --release -p drctl -- simulate --seeds {{seeds}}
