# golive's follower of logs: POSIX sh only (dash, bash, busybox ash). It only reads, and leaves nothing on the host.
# It arrives on standard input behind the words g_mode, g_file, ..., which stays open as long as somebody listens.
# Standard output is the bytes of the log, exactly. Standard error tells of them in lines "golive:WORD ... .":
#   missing            there is no such file yet         gap          what was left of the former file is gone
#   open INODE AT SIZE what comes stands there, behind up to g_back bytes before it; of a command only "open"
#   size N             the file is so long by now        rotated INODE N ID the path leads to another file, this is its end
#   truncated          the file was cut short            moved        open it again: it was renamed meanwhile
#   ended CODE         the command ended, or all that was there was read
#   refused WHAT       it cannot be read
# Every variable starts with g_, for an exported one of another name would change the environment of the command.
# A shell that a profile goes on as got no command, and has read all this as what is typed.
[ $# -gt 0 ] || { echo "it goes on as another shell, which gets none"; exit 64; }
set -u
set -f
g_nl='
'
g_tail= g_nap= g_ears= g_run= g_group= g_short=
# How often it looks, in seconds; only tests, whose files are rotated all the time, are in a hurry.
g_pace=${GOLIVE_TAIL_PACE:-1}
exec 3<&0 </dev/null
say() { printf '\ngolive:%s .\n' "$*" >&2; }
bye() {
trap '' TERM HUP INT PIPE
for g_x in $g_tail $g_nap $g_ears; do kill "$g_x" 2>/dev/null; done
if [ -n "$g_run" ]; then
kill -TERM "$g_group$g_run" 2>/dev/null
( sleep 2; kill -KILL "$g_group$g_run" ) </dev/null >/dev/null 2>&1 3<&- &
fi
exit "$1"
}
trap 'bye 0' TERM HUP INT PIPE
# Who listened has left when standard input ends, also when it was killed.
ears() {
{ while IFS= read -r g_x; do :; done; kill -TERM $$; } <&3 >/dev/null 2>&1 &
g_ears=$!
}
nap() {
sleep "$1" </dev/null >/dev/null 2>&1 3<&- 4<&- &
g_nap=$!
wait "$g_nap"
g_nap=
}
# g_ino, g_size: of what is open. g_pino, g_psize: of what the path leads to; empty when it leads nowhere.
look() {
g_ino= g_size= g_pino= g_psize=
g_out=$(LC_ALL=C ls -lniLd /dev/fd/4 "$g_file" 2>/dev/null)
row "${g_out%%"$g_nl"*}"
case $g_out in *"$g_nl"*) row "${g_out#*"$g_nl"}" ;; esac
}
row() {
case $1 in
*' /dev/fd/4') set -- $1; g_ino=$1 g_size=$6 ;;
?*) set -- $1; g_pino=$1 g_psize=$6 ;;
esac
}
# g_r: the file of the folder that has this inode; empty when there is none.
find_inode() {
g_r=
g_ifs=$IFS; IFS=$g_nl
for g_x in $(LC_ALL=C ls -1i "$g_dir" 2>/dev/null); do
g_x=${g_x#"${g_x%%[0-9]*}"}
case $g_x in "$1 "*) g_r=$g_dir/${g_x#* }; break ;; esac
done
IFS=$g_ifs
}
# What so many bytes at the beginning of a file come to.
sum() {
g_x=$(head -c "$2" "$1" 2>/dev/null | { cksum || md5sum; } 2>/dev/null)
printf '%s' "${g_x%% *}"
}
# Whether the file with this inode was read to its end: a later one may have got its number, but begins with other bytes.
# g_done holds INODE-LENGTH-SUM of those that were, the newest last.
was_read() {
case " $g_done" in *" $1-"*) ;; *) return 1 ;; esac
g_c=" $g_done"
g_c=${g_c##*" $1-"}
g_c=${g_c%% *}
[ "$(sum "$2" "${g_c%%-*}")" = "${g_c#*-}" ]
}
# g_r: what came after the file with this inode: one of the same name with a number or a date behind it that was written
# later and not read yet, else what the path leads to.
find_next() {
g_r=$g_file g_after=
g_ifs=$IFS; IFS=$g_nl
for g_x in $(LC_ALL=C ls -1itr "$g_dir" 2>/dev/null); do
g_x=${g_x#"${g_x%%[0-9]*}"}
g_name=${g_x#* }
if [ -n "$g_after" ]; then
case $g_name in
"$g_base") break ;;
*.gz | *.bz2 | *.xz | *.zst | *.lz4 | *.Z) ;;
"$g_base"[.-][0-9]*) was_read "${g_x%% *}" "$g_dir/$g_name" || { g_r=$g_dir/$g_name; break; } ;;
esac
fi
case $g_x in "$1 "*) g_after=1 ;; esac
done
IFS=$g_ifs
}
# g_at: where the last g_lines lines of what is open begin, as long as it is now.
back() {
g_at=$g_size
[ "$g_lines" -gt 0 ] && [ "$g_size" -gt 0 ] || return 0
g_k=262144
while :; do
[ "$g_k" -lt "$g_size" ] || g_k=$g_size
g_c=$(tail -c "+$((g_size - g_k + 1))" /dev/fd/4 | head -c "$g_k" | tail -n "$g_lines" | wc -c)
g_at=$((g_size - g_c))
if [ "$g_c" -lt "$g_k" ] || [ "$g_k" -eq "$g_size" ] || [ "$g_k" -gt 60000000 ]; then return 0; fi
g_k=$((g_k * 8))
done
}
# Waits until the path leads somewhere.
await() {
g_told=
while [ ! -e "$g_file" ]; do
g_x=$(LC_ALL=C ls -d "$g_file" 2>&1)
case $g_x in *ermission\ denied*) say refused denied; bye 66 ;; esac
[ "$g_follow" = 1 ] || { say refused missing; bye 66; }
[ -n "$g_told" ] || say missing
g_told=1
nap 1
done
}
# g_r: what is to be opened; g_at: from where.
choose() {
g_r=$g_file
case $g_start in
lines) await ;;
top) await; g_at=0 ;;
after) find_next "$g_inode"; g_at=0; [ "$g_r" != "$g_file" ] || await ;;
mark)
g_x=$(LC_ALL=C ls -diL "$g_file" 2>/dev/null); g_x=${g_x#"${g_x%%[0-9]*}"}
if [ "${g_x%% *}" != "$g_inode" ]; then
find_inode "$g_inode"
[ -n "$g_r" ] || { g_r=$g_file g_start=top g_at=0; await; say gap; }
fi ;;
esac
}
check() {
[ ! -d "$g_r" ] || { say refused folder; bye 66; }
[ -f "$g_r" ] || { say refused odd; bye 66; }
[ -r "$g_r" ] || { say refused denied; bye 66; }
}
# Whether the program that follows has opened the file that was looked at, and not one that has its name meanwhile.
same() {
g_i=0
while [ "$g_i" -lt 100 ]; do
g_x=$(LC_ALL=C ls -iL "/proc/$g_tail/fd" 2>/dev/null)
case " $g_x" in *[!0-9]"$g_ino "[0-9]*) return 0 ;; esac
kill -0 "$g_tail" 2>/dev/null || return 1
[ -d "/proc/$g_tail/fd" ] || break
g_i=$((g_i + 1))
done
look
[ "$g_pino" = "$g_ino" ]
}
file() {
cd "$HOME" 2>/dev/null
g_dir=${g_file%/*} g_base=${g_file##*/}
choose
check
exec 4<"$g_r"
look
[ -n "$g_ino" ] || { say refused tools; bye 67; }
case $g_start in
lines) back ;;
mark)
[ "$g_ino" = "$g_inode" ] || { say moved; bye 75; }
[ "$g_size" -ge "$g_at" ] || { say truncated; g_at=0; } ;;
esac
if [ "$g_follow" != 1 ]; then
say "open $g_ino $g_at $g_size"
{ [ "$g_size" -le "$g_at" ] || tail -c "+$((g_at + 1))" /dev/fd/4 3<&- | head -c "$((g_size - g_at))"; } &
g_tail=$!
wait "$g_tail"
say ended 0
bye 0
fi
[ "$g_back" -le "$g_at" ] || g_back=$g_at
# A link would make GNU tail poll.
g_x=$(readlink -f "$g_r" 2>/dev/null) && [ -n "$g_x" ] || g_x=$g_r
LC_ALL=C tail -c "+$((g_at - g_back + 1))" -f "$g_x" 3<&- 4<&- &
g_tail=$!
g_was=$g_size
same || { say moved; bye 75; }
say "open $g_ino $g_at $g_was"
watch
}
left() {
g_k=$g_size
[ "$g_k" -lt 1024 ] || g_k=1024
say "rotated $g_ino $g_size $g_k-$(sum /dev/fd/4 "$g_k")"
}
watch() {
g_quiet=0 g_pause=$g_pace
while :; do
nap "$g_pause"
kill -0 "$g_tail" 2>/dev/null || bye 75
look
[ -n "$g_ino" ] || bye 75
if [ "$g_size" -lt "$g_was" ]; then say truncated; break; fi
g_quiet=$((g_quiet + 1))
[ "$g_size" -eq "$g_was" ] || { g_quiet=0 g_was=$g_size; say "size $g_size"; }
if [ -z "$g_pino" ] || [ "$g_pino" = "$g_ino" ]; then g_pause=$g_pace; continue; fi
if [ -z "$g_short" ]; then if sleep 0.05 2>/dev/null; then g_short=${GOLIVE_TAIL_PACE:-0.3}0; else g_short=1.0; fi; fi
[ "$g_pause" = "$g_short" ] || g_quiet=0
g_pause=$g_short
[ "$g_quiet" -ge 4 ] || continue
# Who writes may go on in the old file for a while: as long as there is no other to read, nothing is given up.
find_next "$g_ino"
if [ "$g_r" != "$g_file" ] || [ "$g_psize" -gt 0 ]; then left; break; fi
g_pause=$g_pace
done
while :; do nap 5; done
}
run() {
cd "$HOME" 2>/dev/null
say open
if command -v setsid >/dev/null 2>&1; then
g_group=-
setsid sh -c "$g_command" 2>&1 3<&- &
else
sh -c "$g_command" 2>&1 3<&- &
fi
g_run=$!
wait "$g_run"
g_x=$?
say "ended $g_x"
bye 0
}
case $g_mode in
clock) while IFS= read -r g_x <&3; do date '+%s.%N %z'; done ;;
file) ears; file ;;
run) ears; run ;;
esac
