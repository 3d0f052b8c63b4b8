#!/bin/sh
# Puts the artifact this script lies in beside the other releases of this host and proves that it arrived whole.
# Runs on the host, in its home folder; nothing that is in use is touched, so it may be run again.
set -eu
from=$(cd "$(dirname "$0")/.." && pwd)
. "$from/ops/lib.sh"
commit=$(cat "$from/COMMIT")
release=app/releases/$commit

mkdir -p app/releases
rm -rf "$release.new"
cp -R "$from" "$release.new"
count=0
while read -r sum size file; do
  set -- $(cksum <"$release.new/$file")
  [ "$1 $2" = "$sum $size" ] || give_up "$file did not arrive as it was built"
  count=$((count + 1))
  echo "  $sum $file"
  pause 0.15
done <"$release.new/SUMS"
rm -rf "$release"
mv "$release.new" "$release"
echo "$count files, the same bytes that were built"
