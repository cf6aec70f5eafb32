#!/bin/sh
# Write a snapshot of Redis or Valkey into a folder, and remove snapshots that are older than KEEP_DAYS (30).
#
#   backup.sh FOLDER [options of redis-cli, such as -h HOST -p PORT --tls --user NAME]
#
# The password, if there is one, is in the variable REDISCLI_AUTH. The server goes on working meanwhile. A user that can
# do nothing else: ACL SETUSER backup on >PASSWORD -@all +sync +replconf +ping
set -eu

[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
shift
cli=$(command -v redis-cli || command -v valkey-cli) || { echo "backup: neither redis-cli nor valkey-cli is installed" >&2; exit 1; }
check=$(command -v redis-check-rdb || command -v valkey-check-rdb || true)
umask 077
mkdir -p "$folder"
file=$folder/answerback-$(date -u +%Y%m%dT%H%M%SZ).rdb
trap 'rm -f "$file.part"' EXIT

"$cli" "$@" --rdb "$file.part" >"$file.log" 2>&1 || { cat "$file.log" >&2; rm -f "$file.log"; exit 1; }
rm -f "$file.log"
# redis-cli may end with 0 although it has written nothing.
[ -s "$file.part" ] || { echo "backup: the server has sent nothing" >&2; exit 1; }
[ -z "$check" ] || "$check" "$file.part" >/dev/null || { echo "backup: the snapshot is damaged" >&2; exit 1; }
sync "$file.part" 2>/dev/null || sync
mv "$file.part" "$file"
find "$folder" -name 'answerback-*.rdb' -mtime "+${KEEP_DAYS:-30}" -delete
echo "$file"
