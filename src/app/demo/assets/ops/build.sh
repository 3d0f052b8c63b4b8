#!/bin/sh
# Builds the artifact of one commit: build.sh COMMIT FOLDER -> FOLDER/COMMIT
# Built once, here; every host gets these bytes, and can prove it by the sums in them.
set -eu
. ops/lib.sh
commit=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
out=$folder/$commit

if [ -f "$out/SUMS" ]; then
  echo "artifact $commit is there already"
else
  new=$out.$$
  rm -rf "$new"
  mkdir "$new"
  # An index of its own: the operator's files and index are not touched, and dirty files do not get in.
  GIT_INDEX_FILE=$new.index git --work-tree="$new" checkout -q -f "$commit" -- VERSION pages static migrations ops
  rm -f "$new.index"
  printf '%s\n' "$commit" >"$new/COMMIT"
  (cd "$new" && find . -type f ! -name SUMS | LC_ALL=C sort | while IFS= read -r file; do
    sum=$(cksum <"$file")
    printf '%s %s\n' "$sum" "${file#./}"
  done) >"$new/SUMS.new"
  grep -v ' SUMS.new$' "$new/SUMS.new" >"$new/SUMS"
  rm "$new/SUMS.new"
  mv "$new" "$out"
fi
while IFS= read -r line; do
  echo "  packed ${line##* }"
  pause 0.15
done <"$out/SUMS"
sum=$(cksum <"$out/SUMS")
echo "artifact ${sum%% *}, version $(cat "$out/VERSION")"
