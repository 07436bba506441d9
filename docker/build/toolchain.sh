#!/bin/sh
# What compiles Springald: a C compiler, Rust and maturin. Nothing if there is something built already.
set -eu
[ -z "${PREBUILT:-}" ] || exit 0
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
/build/apt.sh build-essential pkg-config ca-certificates curl python3 python3-venv
export RUSTUP_HOME=/rust CARGO_HOME=/rust
# The machine's name for itself is Rust's: x86_64, aarch64.
init=rustup/archive/$RUSTUP_VERSION/$(uname -m)-unknown-linux-gnu/rustup-init
cd /tmp
curl -sSf -o rustup-init "https://static.rust-lang.org/$init"
echo "$(curl -sSf "https://static.rust-lang.org/$init.sha256" | cut -c -64)  rustup-init" | sha256sum -c -
chmod +x rustup-init
./rustup-init -y -q --no-modify-path --profile minimal --default-toolchain "$RUST_VERSION"
rm rustup-init
python3 -m venv /maturin
/maturin/bin/pip install -q --no-cache-dir "maturin==$MATURIN_VERSION"
