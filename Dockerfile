# The image of any app: `docker build --build-arg APP=tasks .` All programs are built once; each image is one static program and nothing else.
# The one exception is for docker-compose.yml, where a container holds an app and its sidecar: `--target with-sidecar` is all programs and daprd.
FROM rust:1-bookworm AS build
WORKDIR /suite
COPY . .
# Static, so that the image needs no library. glibc has what is needed of name look-up built in, and an app only calls its sidecar.
# With --target the flag is not for build scripts and procedural macros, which cannot be static.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/suite/target \
    target=$(rustc --print host-tuple) && \
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --workspace --bins --target "$target" && \
    mkdir /programs && find "target/$target/release" -maxdepth 1 -type f -executable -exec cp {} /programs/ \;

FROM scratch AS with-sidecar
COPY --from=daprio/daprd:1.18.2 /daprd /suite/bin/
COPY --from=build /programs /suite/bin
COPY dapr.yaml /suite/
COPY components /suite/components
COPY scripts/database.sql /suite/scripts/
ENV PATH=/suite/bin
# The folders are this user's, and a volume that is new takes that over.
USER 65532:65532
WORKDIR /suite/servers
WORKDIR /suite/.run
WORKDIR /suite
ENTRYPOINT ["outrigger"]

FROM scratch
ARG APP
ARG COMMIT=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="outrigger/$APP" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /programs/$APP /app
USER 65532:65532
ENTRYPOINT ["/app"]
