# syntax=docker/dockerfile:1.7
#
# docker build --target api    -t sales-api .       the two services, one binary each
# docker build --target worker -t sales-worker .
# docker build --target drctl  -t drctl .           the operator's command
# docker build --target all    -t sales .           all three, for the compose file: choose by entrypoint
#
# Production runs on ARM64: build on an ARM64 machine, or with --platform linux/arm64.

ARG RUST_VERSION=1.95.0
ARG DEBIAN=bookworm

FROM rust:${RUST_VERSION}-slim-${DEBIAN} AS source
ARG TARGETARCH
WORKDIR /src
# Symbols stay, so that a backtrace names functions; debug information goes.
ENV CARGO_INCREMENTAL=0 \
    CARGO_NET_RETRY=5 \
    CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY . .

# The services alone, in a cargo call of their own: one call for everything would give them the features that the
# embedded AWS in drctl switches on.
FROM source AS services
RUN --mount=type=cache,id=sales-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=sales-services-${TARGETARCH},target=/src/target,sharing=locked \
    cargo build --release --locked -p sales-api -p sales-worker \
    && install -D -t /out target/release/sales-api target/release/sales-worker

FROM source AS operator
RUN --mount=type=cache,id=sales-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=sales-operator-${TARGETARCH},target=/src/target,sharing=locked \
    cargo build --release --locked -p drctl \
    && install -D -t /out target/release/drctl \
    && mkdir -p /out/shared

# glibc, libgcc and certificates; no shell, no package manager. The same Debian as the builder's, for the same glibc.
FROM gcr.io/distroless/cc-debian12:nonroot AS base
# nonroot, as a number: ECS and Kubernetes check it without reading the image's passwd.
USER 65532:65532
WORKDIR /
STOPSIGNAL SIGTERM

FROM base AS drctl
COPY --from=operator /out/drctl /usr/local/bin/drctl
ENTRYPOINT ["/usr/local/bin/drctl"]

FROM base AS all
COPY --from=services /out/sales-api /out/sales-worker /usr/local/bin/
COPY --from=operator /out/drctl /usr/local/bin/drctl
# A volume mounted here takes this directory's owner with it, so that a process without root can write to it.
COPY --from=operator --chown=65532:65532 /out/shared /shared
ENTRYPOINT ["/usr/local/bin/drctl"]

FROM base AS worker
COPY --from=services /out/sales-worker /usr/local/bin/sales-worker
EXPOSE 8090
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=15s CMD ["/usr/local/bin/sales-worker", "--health-check"]
ENTRYPOINT ["/usr/local/bin/sales-worker"]

FROM base AS api
COPY --from=services /out/sales-api /usr/local/bin/sales-api
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=15s CMD ["/usr/local/bin/sales-api", "--health-check"]
ENTRYPOINT ["/usr/local/bin/sales-api"]
