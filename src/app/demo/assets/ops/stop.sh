#!/bin/sh
# Stops the application on this host and waits until it no longer answers. Needs PORT.
set -eu
. "$(dirname "$0")/lib.sh"
[ -f app/app.pid ] || exit 0
kill "$(cat app/app.pid)" 2>/dev/null || :
tries=0
while golive demo-app get "http://127.0.0.1:$PORT/health" >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || give_up "the application on port $PORT does not stop"
  sleep 0.1
done
rm -f app/app.pid
echo "  stopped the release before"
