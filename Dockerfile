# The image of release-governor: one static program, the roots of TLS, and a user.
#
#   docker build --tag registry.example.com/release-governor:0.1.0 .
#
# Both bases are arguments, so that your registry can stand in their place:
#   --build-arg BUILD_IMAGE=registry.example.com/rust:1.91-bookworm@sha256:…
# docs/install.md says how to build it for several architectures, and reproducibly.
#
# The digest is what is used; the tag says what it is. It names the index of all architectures.
ARG BUILD_IMAGE=docker.io/library/rust:1.91-bookworm@sha256:c1e5f19e773b7878c3f7a805dd00a495e747acbdc76fb2337a4ebf0418896b33
# Nothing, or gcr.io/distroless/static-debian12:nonroot by its digest where policy asks for a base that
# scanners know: all that the program needs is copied here.
ARG RUNTIME_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
# `dist` is what ships; `release` is quicker to build.
ARG PROFILE=dist
# The time that stands in what the build makes, in seconds since 1970.
ARG SOURCE_DATE_EPOCH=0
# The commit that is built: `release_governor_build_info` says it, and the label below.
ARG REVISION=unknown
# Writes the list of the crates that the program is made of into the program.
ARG CARGO_AUDITABLE=0.7.7
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY src src
# Tests and benchmarks are named in Cargo.toml, so they must be there; they are not built.
RUN sed -n 's/^path = "\(\(tests\|benches\)\/.*\)"$/\1/p' Cargo.toml \
    | while read -r file; do mkdir -p "$(dirname "$file")" && touch "$file"; done
# The paths of this machine are kept out of the program, and with crt-static it needs no loader and no
# C library. The target is the build's own: each architecture is built on its kind.
RUN --mount=type=cache,id=release-governor-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=release-governor-tools,target=/tools \
    --mount=type=cache,id=release-governor-target,target=/src/target \
    set -eu; \
    tools="/tools/cargo-auditable@$CARGO_AUDITABLE"; \
    [ -e "$tools/.crates.toml" ] || \
        cargo install "cargo-auditable@$CARGO_AUDITABLE" --locked --quiet --debug --root "$tools"; \
    export PATH="$tools/bin:$PATH"; \
    target="$(rustc -vV | sed -n 's/^host: //p')"; \
    export RELEASE_GOVERNOR_REVISION="$REVISION"; \
    export RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/src=. --remap-path-prefix=${CARGO_HOME:-/usr/local/cargo}/registry=registry"; \
    cargo auditable build --locked --profile "$PROFILE" --target "$target" --bin release-governor; \
    mkdir -p /state /image/usr/local/bin /image/etc/ssl/certs /image/etc/release-governor /image/tmp; \
    cp "target/$target/$PROFILE/release-governor" /image/usr/local/bin/; \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
    echo 'nonroot:x:65532:65532:nonroot:/var/lib/release-governor:/sbin/nologin' > /image/etc/passwd; \
    echo 'nonroot:x:65532:' > /image/etc/group; \
    chmod 1777 /image/tmp; \
    find /image /state -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="release-governor" \
      org.opencontainers.image.description="Decides which verified commits may go to production, and deploys them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/release-governor/
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /var/lib/release-governor
ENV PATH=/usr/local/bin \
    RELEASE_GOVERNOR_CONFIG=/etc/release-governor/release-governor.yaml
EXPOSE 8080
ENTRYPOINT ["release-governor"]
CMD ["run"]
