#!/bin/sh
# client.sh springald://MASTER:7077 [COMMAND...]: a client on this host, by default a SQL prompt. The shared folder
# is mounted if this host has it; a client needs the master's port and nothing else.
set -eu
. "$(dirname "$0")/common.sh"

master=${1:-}
case $master in
springald://*:*) shift ;;
*) fail "say where the master is: client.sh springald://HOST:7077" ;;
esac
token
[ $# -gt 0 ] || set -- springald sql
mount=
[ ! -d "$workspace" ] || mount="-v $workspace:/opt/workspace"
terminal=-i
[ ! -t 0 ] || terminal=-it
# shellcheck disable=SC2086 # an option and its value, or nothing
exec docker run --rm --init "$terminal" --network host --user "$owner" $mount -v "$config:/run/springald:ro" \
    -e SPRINGALD_TOKEN_FILE=/run/springald/token -e SPRINGALD_MASTER="$master" --entrypoint /usr/bin/env "$image" "$@"
