#!/bin/sh
# Makes /parts: `springald` and `springald-*.whl`, from the folder PREBUILT or from the source.
set -eu
mkdir /parts
if [ -n "${PREBUILT:-}" ]; then
    [ -f /prebuilt/springald ] || { echo "no springald in $PREBUILT: run make prebuilt" >&2; exit 1; }
    # A wheel is wanted for JupyterLab alone.
    mv /prebuilt/springald /parts/
    mv /prebuilt/*.whl /parts/ 2>/dev/null || true
else
    cd /source
    export CARGO_TARGET_DIR=/target PATH=/maturin/bin:$PATH
    cargo build --release --locked --workspace
    cp /target/release/springald /parts/springald
    strip /parts/springald
    if [ -f crates/python/pyproject.toml ]; then
        maturin build --release --locked --manifest-path crates/python/Cargo.toml --out /parts
    fi
    rm -rf /target "$CARGO_HOME/registry"
fi
chmod 755 /parts/springald
ls -l /parts
