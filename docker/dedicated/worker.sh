#!/bin/sh
# worker.sh springald://MASTER:7077 [ADDRESS]: a worker on this host, at ADDRESS for the master and the other
# workers, else at the address from which this host reaches the master. Open its two ports, 7078 and 7079, to them.
#
#   WORKER_CORES, WORKER_MEMORY         what it offers; all of the host by default
#   WORKER_PORT, WORKER_GRPC_PORT       other ports, for a second worker on one host
#   WORKER_NAME                         the container's name, by default springald-worker
set -eu
. "$(dirname "$0")/common.sh"

master=${1:-}
case $master in
springald://*:*) ;;
*) fail "say where the master is: worker.sh springald://HOST:7077" ;;
esac
to=$(host_of "$master")
[ -n "$to" ] || fail "cannot find the host of $master"
address=${2:-$(own_address "$to")}
token
name=${WORKER_NAME:-$prefix-worker}
limit=
[ -z "${WORKER_MEMORY:-}" ] || limit="--memory $WORKER_MEMORY"
# shellcheck disable=SC2086 # an option and its value, or nothing
start "$name" $limit -e WORKER_CORES="${WORKER_CORES:-}" -e WORKER_MEMORY="${WORKER_MEMORY:-}" \
    "$image" worker --master "$master" --host "$address" \
    --port "${WORKER_PORT:-7078}" --grpc-port "${WORKER_GRPC_PORT:-7079}"

for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if docker exec "$name" springald workers --master "$master" --format csv 2>/dev/null |
        grep -q ",$address,${WORKER_PORT:-7078},active"; then
        echo "$name has joined $master at $address"
        exit 0
    fi
    sleep 0.5
done
docker logs --tail 20 "$name" >&2
fail "$name has not joined within 10 seconds; it goes on trying"
