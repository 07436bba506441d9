#!/bin/sh
# What compiles Springald, beside Rust: a C compiler and maturin. Nothing if there is something built already.
set -eu
[ -z "${PREBUILT:-}" ] || exit 0
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
/build/apt.sh build-essential pkg-config ca-certificates python3 python3-venv
python3 -m venv /maturin
/maturin/bin/pip install -q --no-cache-dir "maturin==$MATURIN_VERSION"
