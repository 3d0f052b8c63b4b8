#!/bin/sh
# Brings a database to the newest schema of this release: migrate.sh DATABASE
# Each migration reads the rows on standard input and writes them to standard output.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/ops/lib.sh"
database=$1

for migration in "$here"/migrations/*.sh; do
  name=$(basename "$migration" .sh)
  number=$(expr "${name%%_*}" + 0)
  schema=$(sed -n '1s/^schema //p' "$database")
  if [ "$number" -le "$schema" ]; then
    echo "  $name: done before"
    continue
  fi
  echo "  $name: applying"
  pause 2.5
  { echo "schema $number"; sed 1d "$database" | sh "$migration"; } >"$database.new"
  mv "$database.new" "$database"
  echo "  $name: applied to $(sed 1d "$database" | grep -c .) rows"
done
echo "the database has schema $(sed -n '1s/^schema //p' "$database")"
