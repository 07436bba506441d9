#!/bin/sh
# client.sh NAME [COMMAND...]: a container of a user's own on the cluster of `make up`: a shell, or COMMAND.
#
#   docker/client.sh alice
#   docker/client.sh alice springald sql -e "SELECT 1"
#   PORT=8890 docker/client.sh alice start-jupyter        JupyterLab of her own, at http://localhost:8890
#
# Its folder is /opt/workspace/users/NAME, its session the user's own: tables, settings and cached data of one
# session are not seen by another. All users of a cluster share its token and the containers' user, so files are
# theirs by agreement. PROJECT: the cluster's project name; MEMORY: the container's limit, such as 2g.
set -eu
[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
name=$1
shift
case $name in
*[!a-z0-9_-]* | [!a-z]*) echo "a name is small letters, digits, - and _, and begins with a letter: $name" >&2; exit 2 ;;
esac
project=${PROJECT:-springald}
folder=/opt/workspace/users/$name
image=${JUPYTER_IMAGE:-springald-jupyter}
docker network inspect "${project}_default" >/dev/null 2>&1 ||
    { echo "there is no cluster $project: run make up" >&2; exit 1; }

# The container is there once for each user; a second call works in the same one.
container=$project-client-$name
if ! docker inspect "$container" >/dev/null 2>&1; then
    publish=
    [ -z "${PORT:-}" ] || publish="-p ${PUBLISH:-127.0.0.1}:$PORT:8888"
    limit=
    [ -z "${MEMORY:-}" ] || limit="-m $MEMORY"
    # shellcheck disable=SC2086 # each is an option and its value, or nothing
    docker run -d --init --name "$container" --hostname "$name" --network "${project}_default" $publish $limit \
        --user "${SPRINGALD_USER:-1000:1000}" \
        -v "${project}_workspace:/opt/workspace" -v "${project}_token:/run/springald:ro" \
        -e SPRINGALD_MASTER=springald://master:7077 -e SPRINGALD_TOKEN_FILE=/run/springald/token \
        -e SPRINGALD_APP_NAME="$name" -e JUPYTER_FOLDER="$folder" \
        --entrypoint sh "$image" -c "mkdir -p $folder && exec sleep infinity" >/dev/null
    # Until its folder is there.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        docker exec "$container" test -d "$folder" && break
        sleep 0.5
    done
fi
docker start "$container" >/dev/null
[ $# -gt 0 ] || set -- bash
terminal=-i
[ ! -t 0 ] || terminal=-it
exec docker exec "$terminal" -w "$folder" "$container" "$@"
