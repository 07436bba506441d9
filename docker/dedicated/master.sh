#!/bin/sh
# master.sh [ADDRESS]: the master on this host, at ADDRESS for workers and clients, else at the host's first one.
# Prints what to run on the other hosts. Open ports 7077 and 8080 to them. common.sh says what can be set.
set -eu
. "$(dirname "$0")/common.sh"

address=${1:-$(own_address)}
token make
# Folders and samples, if they are not there yet. The token is here already.
docker run --rm --network none --user 0:0 -v "$workspace:/opt/workspace" -e SPRINGALD_USER="$owner" \
    --entrypoint /usr/share/springald/first-start.sh "$image"
start "$prefix-master" "$image" master --host 0.0.0.0 --external-host "$address" \
    --port "${MASTER_PORT:-7077}" --ui-port "${UI_PORT:-8080}"

url=springald://$address:${MASTER_PORT:-7077}
for _ in 1 2 3 4 5 6 7 8 9 10; do
    docker exec "$prefix-master" springald workers --master "$url" >/dev/null 2>&1 && break
    sleep 0.5
done
docker exec "$prefix-master" springald workers --master "$url" >/dev/null ||
    fail "the master does not answer at $url: see docker logs $prefix-master"
cat <<END
The master is ready at $url. On the other hosts:

  export SPRINGALD_TOKEN=\$(ssh $address cat $config/token)
  docker/dedicated/worker.sh $url
  docker/dedicated/client.sh $url springald sql
END
