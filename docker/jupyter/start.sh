#!/bin/sh
# JupyterLab on all of the container's addresses, with a token: JUPYTER_TOKEN, else the one that the first start made.
set -eu
file=$(dirname "${SPRINGALD_TOKEN_FILE:-/run/springald/token}")/jupyter-token
if [ -z "${JUPYTER_TOKEN:-}" ] && [ -r "$file" ]; then
    JUPYTER_TOKEN=$(cat "$file")
fi
# Without one JupyterLab makes a token by itself, and prints it.
[ -z "${JUPYTER_TOKEN:-}" ] && unset JUPYTER_TOKEN || export JUPYTER_TOKEN
exec jupyter lab "$@"
