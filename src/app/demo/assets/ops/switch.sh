#!/bin/sh
# Makes the release this script lies in the one that is served: switch.sh
# Needs PORT and DATABASE; runs on the host, in its home folder.
set -eu
release=$(cd "$(dirname "$0")/.." && pwd)
. "$release/ops/lib.sh"
# Careless on purpose: golive shows and keeps asterisks.
[ -z "${OFFICE_KEY:-}" ] || echo "  asking the harbour office with the key $OFFICE_KEY"
echo "  was $(cat app/current/VERSION 2>/dev/null || echo nothing)"
ln -sfn "releases/$(basename "$release")" app/current
sh "$release/ops/stop.sh"
pause 1
sh "$release/ops/start.sh"
echo "serving $(cat app/current/VERSION) on http://127.0.0.1:$PORT/"
