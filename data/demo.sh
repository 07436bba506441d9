#!/usr/bin/env bash
# `make demo`: sample data, a cluster of one master and two workers on this machine, and work on it.
# Everything lies in a temporary folder that is gone afterwards.
set -euo pipefail

bin="${SPRINGALD_BIN:-${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/springald/target}/release/springald}"
[ -x "$bin" ] || { echo "no binary at $bin: run make build" >&2; exit 1; }

work=$(mktemp -d -t springald-demo-XXXXXX)
pids=()
stop() {
    status=$?
    trap - EXIT
    # The data is thrown away, so nobody is given time to finish.
    [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    if [ "$status" != 0 ]; then
        for log in "$work"/*.log; do
            [ -f "$log" ] && echo "---- $log" >&2 && tail -n 20 "$log" >&2
        done
    fi
    rm -rf "$work"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Shows a command as its user types it, runs it, and says how long it took.
show() {
    local line='$ springald' word
    for word in "$@"; do
        [[ "$word" =~ ^[A-Za-z0-9_./:=-]+$ ]] || word="\"$word\""
        line+=" ${word//$work/\$DEMO}"
    done
    printf '\n%s\n' "$line"
    local start=${EPOCHREALTIME/./}
    "$bin" "$@"
    printf '→ %d ms\n' $(((${EPOCHREALTIME/./} - start) / 1000))
}
# A port that nobody listens on.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

title "1. Sample data"
mkdir "$work/workspace" "$work/data"
data="$work/data"
show datagen tpch --scale 0.1 --out "$data/tpch"
show datagen text --size 20MB --out "$data/text"
show datagen logs --rows 200000 --out "$data/logs"
show datagen linreg --rows 200000 --features 5 --out "$data/linreg"
show datagen kmeans --rows 200000 --features 4 --k 4 --out "$data/kmeans"

title "2. A cluster: one master, two workers"
port=$(free_port)
ui=$(free_port)
export SPRINGALD_MASTER="springald://127.0.0.1:$port" SPRINGALD_WORKSPACE="$work/workspace"
"$bin" master --host 127.0.0.1 --port "$port" --ui-port "$ui" >"$work/master.log" 2>&1 &
pids+=($!)
for i in 1 2; do
    "$bin" worker --host 127.0.0.1 --cores 1 --memory 1GiB --work-dir "$work/worker-$i" >"$work/worker-$i.log" 2>&1 &
    pids+=($!)
done
registered=0
for _ in $(seq 100); do
    registered=$("$bin" workers --format ndjson 2>/dev/null | grep -c active || true)
    [ "$registered" = 2 ] && break
    sleep 0.1
done
[ "$registered" = 2 ] || { echo "the workers did not register" >&2; exit 1; }
show workers

title "3. SQL over Parquet"
show sql -e "SELECT l_returnflag, l_linestatus, count(*) AS n, sum(l_extendedprice) AS total FROM '$data/tpch/lineitem' GROUP BY 1, 2 ORDER BY 1, 2"
show sql -e "SELECT n_name, count(*) AS orders FROM '$data/tpch/orders' JOIN '$data/tpch/customer' ON o_custkey = c_custkey JOIN '$data/tpch/nation' ON c_nationkey = n_nationkey GROUP BY n_name ORDER BY orders DESC LIMIT 5"

title "4. Word count"
show run wordcount "$data/text" --top 5

title "5. Linear regression"
show run linreg "$data/linreg" --features f0,f1,f2,f3,f4 --label label

title "6. k-means"
show run kmeans "$data/kmeans" --features x0,x1,x2,x3 --k 4 --seed 1

title "7. Two logs joined on id, ids filtered"
show run logjoin 1000 1999 "$data/logs/events.csv" "$data/logs/actions.csv" "$work/workspace/joined"
show sql -e "SELECT count(*) AS rows FROM '$work/workspace/joined'"

title "8. Pi"
show run pi 20

title "9. What the master remembers"
show jobs
