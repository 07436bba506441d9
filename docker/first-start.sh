#!/bin/sh
# Makes what a cluster finds on its volumes, once: the folders of the workspace, sample data, and the cluster's
# token. A second run changes nothing. Runs as root where volumes belong to root, else as the cluster's own user.
#
#   SPRINGALD_WORKSPACE   the shared volume, /opt/workspace
#   SPRINGALD_TOKEN_FILE  the token's file; none is made if this is empty
#   SPRINGALD_USER        UID:GID that master, workers and clients run as
set -eu
workspace=${SPRINGALD_WORKSPACE:-/opt/workspace}
token=${SPRINGALD_TOKEN_FILE:-}
owner=${SPRINGALD_USER:-1000:1000}
share=$(dirname "$0")

own() { # A folder or file that root made becomes the cluster's; whatever belongs to somebody stays theirs.
    if [ "$(id -u)" = 0 ] && [ "$(stat -c %u "$1")" = 0 ]; then chown "$owner" "$1"; fi
}
folder() {
    mkdir -p "$1" || { echo "cannot make $1: make the volume writable for $owner" >&2; exit 1; }
    own "$1"
}
secret() { # A file of 32 random bytes in hexadecimal, readable by the cluster's user alone.
    [ -s "$1" ] && return
    (umask 077; head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$1.new")
    own "$1.new"
    mv "$1.new" "$1"
    echo "made $1"
}

folder "$workspace"
for name in datain dataout events notebooks notebooks/jobs warehouse uploads users; do
    folder "$workspace/$name"
done

# A checkout that root made: root can write its notebooks whoever they belong to, JupyterLab only its own.
[ "$(id -u)" != 0 ] || find "$workspace/notebooks" -user 0 -exec chown -h "$owner" {} +

# Once for a workspace: samples that somebody removed stay away, and what is there already stays as it is.
done=$workspace/datain/.samples
if [ ! -e "$done" ]; then
    # Under another name until they are whole: a start that is cut short leaves no half of one.
    new=$workspace/.samples-new
    rm -rf "$new"
    mkdir "$new"
    cp -r "$share"/datain/. "$new"
    [ "$(id -u)" != 0 ] || chown -R "$owner" "$new"
    for sample in "$new"/*; do
        [ -e "$workspace/datain/$(basename "$sample")" ] || mv "$sample" "$workspace/datain/"
    done
    rm -rf "$new"
    touch "$done"
    own "$done"
    echo "put sample data into $workspace/datain"
fi
if [ -n "$token" ]; then
    folder "$(dirname "$token")"
    secret "$token"
    # JupyterLab has a token of its own: who may open notebooks need not know the cluster's.
    secret "$(dirname "$token")/jupyter-token"
fi
