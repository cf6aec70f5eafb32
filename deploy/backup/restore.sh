#!/bin/sh
# Make the data of a server from a snapshot: a folder `appendonlydir`, from which a server with `appendonly yes` starts.
# (It would not read the snapshot itself.) Run it as the user of the server, while the server is stopped.
#
#   restore.sh SNAPSHOT FOLDER      FOLDER is the server's data folder: its `dir`
#
# Data that is there already is kept as appendonlydir.before-…
set -eu

[ $# -eq 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
snapshot=$1 folder=$2
server=$(command -v valkey-server || command -v redis-server) || { echo "restore: no server is installed" >&2; exit 1; }
cli=$(command -v valkey-cli || command -v redis-cli) || { echo "restore: no redis-cli is installed" >&2; exit 1; }
[ -s "$snapshot" ] || { echo "restore: $snapshot is not a snapshot" >&2; exit 1; }
[ -d "$folder" ] || { echo "restore: $folder is not a folder" >&2; exit 1; }

umask 077
work=$(mktemp -d "$folder/restore.XXXXXX")
socket=$work/socket
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cp "$snapshot" "$work/dump.rdb"
"$server" --port 0 --unixsocket "$socket" --dir "$work" --appendonly no --save "" --maxmemory 0 >"$work/log" 2>&1 &
pid=$!
until [ "$("$cli" -s "$socket" ping 2>/dev/null)" = PONG ]; do
    kill -0 "$pid" 2>/dev/null || { echo "restore: the snapshot cannot be loaded:" >&2; tail -5 "$work/log" >&2; pid=; exit 1; }
    sleep 0.1
done
keys=$("$cli" -s "$socket" dbsize)
"$cli" -s "$socket" config set appendonly yes >/dev/null
# The state at the moment of the switch is written in the background.
until "$cli" -s "$socket" info persistence | tr -d '\r' | grep -q '^aof_rewrite_scheduled:0' &&
    "$cli" -s "$socket" info persistence | tr -d '\r' | grep -q '^aof_rewrite_in_progress:0'; do
    sleep 0.1
done
"$cli" -s "$socket" info persistence | tr -d '\r' | grep -q '^aof_last_bgrewrite_status:ok' ||
    { echo "restore: the append-only file could not be written" >&2; tail -5 "$work/log" >&2; exit 1; }
"$cli" -s "$socket" shutdown nosave >/dev/null 2>&1 || true
wait "$pid" || true
pid=
[ ! -e "$folder/appendonlydir" ] || mv "$folder/appendonlydir" "$folder/appendonlydir.before-$(date -u +%Y%m%dT%H%M%SZ)"
mv "$work/appendonlydir" "$folder/appendonlydir"
echo "$keys keys are restored: start the server with appendonly yes."
