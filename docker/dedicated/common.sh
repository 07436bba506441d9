# What master.sh, worker.sh and client.sh share. Settings come from the environment:
#
#   SPRINGALD_IMAGE      the image, by default springald; the same everywhere
#   SPRINGALD_WORKSPACE  the shared folder on this host, /opt/workspace, mounted at /opt/workspace
#   SPRINGALD_CONFIG     folder of the cluster's token, /etc/springald
#   SPRINGALD_NAME       what the containers' names begin with, springald
#   SPRINGALD_USER       UID:GID of the containers, 1000:1000
#   SPRINGALD_TOKEN      the token itself, at the first start: it is kept in the folder

image=${SPRINGALD_IMAGE:-springald}
workspace=${SPRINGALD_WORKSPACE:-/opt/workspace}
config=${SPRINGALD_CONFIG:-/etc/springald}
prefix=${SPRINGALD_NAME:-springald}
owner=${SPRINGALD_USER:-1000:1000}

fail() {
    echo "$0: $*" >&2
    exit 1
}

# The address of this host on the way to another, or its first one.
own_address() {
    if [ -n "${1:-}" ] && command -v ip >/dev/null; then
        ip route get "$1" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p' | head -n 1
    else
        hostname -I | cut -d ' ' -f 1
    fi
}

# HOST of springald://HOST:PORT, as an address.
host_of() {
    host=${1#springald://}
    host=${host%:*}
    getent ahostsv4 "$host" 2>/dev/null | head -n 1 | cut -d ' ' -f 1
}

# Keeps SPRINGALD_TOKEN in a file that only the containers' user reads; $1 = make: makes one if there is none.
token() {
    mkdir -p "$config"
    if [ -n "${SPRINGALD_TOKEN:-}" ]; then
        (umask 077; printf %s "$SPRINGALD_TOKEN" >"$config/token")
    elif [ ! -s "$config/token" ]; then
        [ "${1:-}" = make ] || fail "set SPRINGALD_TOKEN to the master's token; it is in $config/token there"
        (umask 077; od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n' >"$config/token")
    fi
    # Who is not root may run as themselves: SPRINGALD_USER=$(id -u):$(id -g)
    [ "$(id -u)" != 0 ] || chown "$owner" "$config/token"
}

# Starts a container in the host's network: what it advertises is where it listens. It takes the place of an
# older one of its name, and comes back when the host does.
start() {
    name=$1
    shift
    docker rm -f "$name" >/dev/null 2>&1 || true
    docker run -d --name "$name" --restart unless-stopped --network host --user "$owner" --stop-timeout 40 \
        -v "$workspace:/opt/workspace" -v "$config:/run/springald:ro" \
        -e SPRINGALD_TOKEN_FILE=/run/springald/token "$@" >/dev/null
}
