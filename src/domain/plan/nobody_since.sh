set -eu
# HOST=EPOCH each: how often the lock of the environment was taken there, as runs of this machine know it, and now.
others= strange=
for pair in $GOLIVE_EPOCHS; do
  host=${pair%%=*} now=${pair#*=} was=
  for known in $GOLIVE_EPOCHS_WERE; do
    [ "${known%%=*}" != "$host" ] || was=${known#*=}
  done
  if [ -z "$was" ] || [ "$now" -le "$was" ]; then
    strange="$strange $host"
  elif [ "$now" -gt $((was + 1)) ]; then
    others="$others $host"
  fi
done
if [ -n "$others" ]; then
  echo "somebody else had the lock of $GOLIVE_ENV since this was last known here, on:$others"
  echo "what runs there may be another release than the one that would be taken back; nothing was taken back"
  echo "help: ask who released there; golive rollback $GOLIVE_ENV plans it anew when that was on this machine; to go back all the same, skip this step"
  exit 1
fi
[ -z "$strange" ] || echo "their locks are new, so who released there is not known of:$strange"
echo "nobody else had the lock of $GOLIVE_ENV since"
