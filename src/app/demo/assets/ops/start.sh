#!/bin/sh
# Starts the current release on this host and waits until it answers. Needs PORT and DATABASE.
set -eu
. "$(dirname "$0")/lib.sh"
# All three descriptors are redirected: the application outlives this script and must not hold its output.
golive demo-app serve --root app/current --database "$DATABASE" --port "$PORT" --pid-file app/app.pid \
  >>app/app.log 2>&1 </dev/null &
server=$!
tries=0
until answer=$(golive demo-app get "http://127.0.0.1:$PORT/health" 2>&1); do
  tries=$((tries + 1))
  if [ "$tries" -ge 100 ] || ! kill -0 "$server" 2>/dev/null; then
    tail -n 5 app/app.log >&2
    give_up "the application does not answer on port $PORT: $answer"
  fi
  sleep 0.1
done
echo "  $answer"
