#!/bin/sh
# jupyter.sh packages: a virtual environment with JupyterLab and the packages of requirements.txt, and a user.
# jupyter.sh springald: the wheel of /parts into /opt/springald, to be copied there; without one the program alone.
set -eu
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
pip="/opt/jupyter/bin/pip install -q --no-cache-dir --disable-pip-version-check"

case $1 in
packages)
    /build/apt.sh ca-certificates python3 python3-venv
    python3 -m venv /opt/jupyter
    $pip --require-virtualenv --only-binary :all: -r /build/requirements.txt
    mkdir -p /home/springald /opt/workspace /run/springald
    useradd --uid 1000 --user-group --home-dir /home/springald --shell /bin/bash springald
    # Another SPRINGALD_USER needs a home, too.
    chmod 1777 /home/springald
    chown 1000:1000 /opt/workspace /run/springald
    ;;
springald)
    mkdir -p /opt/springald/bin
    if ls /parts/springald-*.whl >/dev/null 2>&1; then
        $pip --no-index --no-deps --prefix /opt/springald /parts/springald-*.whl
    else
        mv /parts/springald /opt/springald/bin/springald
    fi
    ;;
esac
