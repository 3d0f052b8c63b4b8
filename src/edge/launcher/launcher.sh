#!/bin/sh
# golive's durable launcher, protocol 1. POSIX sh only: dash, bash, busybox ash.
#   hello                                                    make this folder ready, say who this place is
#   start ID BOOT HOST TIMEOUT GRACE SECRETS SETUP SCRIPT FENCE
#                                                            launch, then follow from byte 0. Standard input holds so
#                                                            many lines of secrets, setup and script, and #golive:end.
#                                                            Secrets and setup are text for the step's own shell: what
#                                                            they export is in no other process, and in no file.
#                                                            FENCE: KEY/N/LOCK, an epoch that must be open; - = none
#   serve                                                    start after start, each a line of standard input, as above
#   follow ID OFFSET                                         output from that byte on
#   status ID | cancel ID GRACE | void ID | drop ID | gc DAYS
#   take KEY LOCK WORD STEAL | look KEY | beat KEY LOCK | free KEY LOCK | claim KEY N LOCK ID | unclaim KEY N ID
# start and follow: after the line "golive:out ID OFFSET" standard output is the step's output, exactly; one answer on
# standard error ends it. Others answer on standard output. An answer is a line "golive:WORD key=value ... .".
# serve ends each start that it saw through with "golive:served ID .", and itself after any other.
# Exit: 0 ok, 64 usage, 65 payload cut, 66 other machine or boot, 67 unfit, 68 the lock is not held any more,
# 75 try again, 76 launched before.
#
# lock/KEY/N.open is epoch N of a lock while somebody holds it, N.closed after that; the highest number always stays, so
# that none comes again. .holder says who ("LOCK WORD"), .beat when it was last heard of. An attempt is linked into its
# open epoch before it is launched: what is not in there when it is closed has not begun, and never will. Only mkdir(2),
# link(2) and rename(2) decide, and no clock. Nothing is parsed out of WORD here; it is hexadecimal.
#
# run/ID.rec is the attempt. Line 1, the claim: who supervises. Line 2: the step's process. Line 3: how it ended. Its
# room is taken before the step runs, and it is overwritten in place: that works on a full disk. run/ID.out is all the
# step printed. Every variable starts with g_, for an exported one of another name would change the step's environment.
# Builtins wherever possible: a process costs as much as all the rest. Look out: $(...) is a process in dash.
set -u
g_dir=${GOLIVE_DIR:-${HOME:?}/.golive}
g_sh=${GOLIVE_SH:-/bin/sh}
g_nl='
'
g_over=

die() { g_c=$1; shift; printf '\ngolive:error code=%s %s .\n' "$g_c" "$*" >&2; exit "$g_c"; }

# g_boot: the id of this boot.
boot() {
  read -r g_boot 2>/dev/null </proc/sys/kernel/random/boot_id && return
  g_boot=$({ sysctl -n kern.bootsessionuuid || sysctl -n kern.boottime || who -b; } 2>/dev/null | tr -c 'A-Za-z0-9\n' _)
}
# g_st: the start time of a process; empty when it is gone or a zombie. (pid, start time, boot) never comes again.
# g_pp: its parent.
st() {
  g_st= g_pp=
  if [ -r /proc/self/stat ]; then
    read -r g_s 2>/dev/null <"/proc/$1/stat" || return 0
    g_s=${g_s##*) }; set -- $g_s
    g_pp=$2
    case $1 in Z | X) ;; *) g_st=${20} ;; esac
  else
    g_st=$(ps -o lstart= -p "$1" 2>/dev/null | tr -c 'A-Za-z0-9\n' _)
  fi
}
# g_up: the time since the boot in seconds.
uptime() { read -r g_up g_s 2>/dev/null </proc/uptime || g_up=$(date +%s); }
# g_v: a field of a record.
field() { g_v=${2#*" $1="}; if [ "$g_v" = "$2" ]; then g_v=; else g_v=${g_v%% *}; fi; }

ident() {
  case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]* | *. | *.*[!0-9]) die 64 "bad id" ;; esac
  g_id=$1 g_run=$g_dir/run/$1
}
number() { case $1 in '' | *[!0-9]*) die 64 "bad number" ;; esac; }
word() { case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) die 64 "bad word" ;; esac; }

# Reads a record: g_claim, g_proc, g_end; all empty when there is none.
rec() {
  g_claim= g_proc= g_end=
  { IFS= read -r g_claim && IFS= read -r g_proc && IFS= read -r g_end; } 2>/dev/null <"$1"
}
# Prints a record, always of the same length for the same claim.
put() { printf '%s\n%-44s\n%-76s\n' "$g_claim" "$g_proc" "$g_end"; }

# g_sid, g_tail: what hello found out.
tools() { { IFS= read -r g_sid && read -r g_tail; } 2>/dev/null <"$g_dir/tools" || die 67 "it has to say hello first"; }

# Becomes a program in a session of its own. Called with &, so that it never is a group leader and setsid never forks.
session() {
  case $g_sid in
    */perl) exec "$g_sid" -MPOSIX -e 'POSIX::setsid(); exec(@ARGV)' "$@" ;;
    *) exec "$g_sid" "$@" ;;
  esac
}
# Signals a process group, or its leader when it has no group yet.
sig() { kill "-$1" "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null; }

# --- the supervisor: own session, parent of the step (whose pid therefore cannot come again before it was waited for).
# It reads the payload itself and lets go of the connection before the step begins.

# Ends the supervisor, and wakes the follower that started it, if that one is still there (a line waits for it).
bye() {
  g_c=$1; shift
  [ $# -eq 0 ] || printf '\ngolive:error code=%s %s .\n' "$g_c" "$*" >&2
  [ -n "$g_parent" ] || exit "$g_c"
  st "$g_me"
  [ "$g_pp" = "$g_parent" ] && kill -USR1 "$g_parent" 2>/dev/null
  exit "$g_c"
}
lines() {
  g_text= g_i=$1
  while [ "$g_i" -gt 0 ]; do
    IFS= read -r g_l || bye 65 "the payload was cut"
    g_text=$g_text$g_nl$g_l g_i=$((g_i - 1))
  done
  g_text=${g_text#"$g_nl"}
}
# Ends the step: TERM to its group now, KILL after the grace time. A later call can shorten the grace time.
stop() {
  g_intr=1
  if [ "$g_why" = - ]; then
    # What has ended by itself was not stopped, though its end is not recorded yet.
    [ -z "$g_ready" ] || { set -- "$1" "$g_pp"; st "$g_pid"; g_pp=$2; [ -n "$g_st" ] || return 0; }
    g_why=$1
  fi
  [ -n "$g_ready" ] || return 0
  read -r g_g 2>/dev/null <"$g_run.grace" || g_g=$g_grace
  [ -z "$g_killer" ] || sig KILL "$g_killer"
  sig TERM "$g_pid"
  session "$g_sh" -c 'sleep "$1"; kill -KILL "-$2" || kill -KILL "$2"' k "$g_g" "$g_pid" </dev/null >/dev/null 2>&1 &
  g_killer=$!
}
# Whether a group holds a process that is no zombie (pid 1 of a container may never collect them).
galive() {
  kill -0 "-$1" 2>/dev/null || return 1
  [ -r /proc/self/stat ] || return 0
  for g_f in /proc/[0-9]*/stat; do
    read -r g_s 2>/dev/null <"$g_f" || continue
    g_s=${g_s##*) }; set -- "$1" $g_s
    [ "$4" = "$1" ] && [ "$2" != Z ] && [ "$2" != X ] && return 0
  done
  return 1
}
step() {
  unset GOLIVE_DIR GOLIVE_SH
  set -- "$g_sid" "$g_sh" -c "$g_script"
  eval "$g_setup"
  eval "$g_secrets"
  case $1 in */perl) shift; set -- perl -MPOSIX -e 'POSIX::setsid(); exec(@ARGV)' "$@" ;; esac
  exec "$@"
}
# g_hid, g_word: who holds an epoch. Empty when that is not written yet, cannot be read, or means nothing here.
holder() {
  g_hid= g_word=
  { read -r g_hid g_word; } 2>/dev/null <"$1/.holder"
  case $g_hid in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) g_hid= ;; esac
  case $g_word in *[!0-9a-f]*) g_word= ;; esac
  [ ${#g_hid} -le 64 ] || g_hid=
  [ ${#g_word} -le 8192 ] || g_word=
}
# Links a file into an epoch under the attempt's id: 0 it is in there, and the epoch is open and of this lock. A folder of
# the same number that somebody made late, and is about to remove, has no holder.
enter() { # KEY N LOCK FILE
  g_e=$g_dir/lock/$1/$2.open
  ln "$4" "$g_e/$g_id" 2>/dev/null
  holder "$g_e"
  [ "$g_hid" = "$3" ] || { rm -f "$g_e/$g_id"; return 1; }
  [ -f "$g_e/$g_id" ] && return 0
  [ -d "$g_e" ] && return 2
  return 1
}
# Makes sure that the attempt never runs, because its lock is not held: 0 it was not launched before.
bar() {
  g_claim=" v=1 void=1 fenced=1 boot=$g_boot ." g_proc= g_end=
  put 2>/dev/null >"$g_run.rec.$$" || die 67 "no room in $g_dir"
  ln "$g_run.rec.$$" "$g_run.rec" 2>/dev/null
  rm -f "$g_run.rec.$$"
  rec "$g_run.rec"
  case $g_claim in *' void=1 '*) return 0 ;; esac
  return 1
}

sup() { # PARENT and the words of start; a line gives no parent, and $$ is the line there
  g_parent=$1 g_boot=$3 g_tmo=$5 g_grace=$6 g_fence=${10} g_me=$$
  [ -n "$1" ] || read -r g_me g_s </proc/self/stat
  ident "$2"; tools
  g_why=- g_intr= g_killer= g_timer= g_pid= g_ready=
  trap 'g_intr=1' HUP INT PIPE
  trap 'stop cancel' TERM
  trap 'stop timeout' USR1
  lines "$7"; g_secrets=$g_text
  lines "$8"; g_setup=$g_text
  lines "$9"; g_script=$g_text
  lines 1; [ "$g_text" = '#golive:end' ] || bye 65 "the payload was cut"
  exec </dev/null
  case $g_dir in /*) cd / ;; esac               # hold no folder of the project or the user
  st "$g_me"; uptime; g_born=$g_st
  g_mine=" v=1 sup=$g_me st=$g_st boot=$g_boot up=$g_up ."
  g_claim=$g_mine g_proc=' pending' g_end=' pending'
  { put >"$g_run.rec.$g_me" && rec "$g_run.rec.$g_me"; } 2>/dev/null || g_claim=
  case $g_claim$g_end in "$g_mine pending"*) ;; *) rm -f "$g_run.rec.$g_me"; bye 67 "no room in $g_dir" ;; esac
  if [ "$g_fence" != - ]; then
    g_n=${g_fence#*/}
    enter "${g_fence%%/*}" "${g_n%%/*}" "${g_n#*/}" "$g_run.rec.$g_me"
    case $? in
      1) rm -f "$g_run.rec.$g_me"; bar; bye 68 ;; # whoever waits for this one looks what became of it
      2) rm -f "$g_run.rec.$g_me"; bye 67 "no room in $g_dir" ;;
    esac
  fi
  # THE decision: link(2) is atomic and exclusive, and what it makes visible is complete. A cancel may come as soon as it
  # is seen, and dash drops a signal while it starts a program by itself (vfork); a subshell is forked.
  if ! (ln "$g_run.rec.$g_me" "$g_run.rec" 2>/dev/null); then
    rm -f "$g_run.rec.$g_me"
    [ -f "$g_run.rec" ] || bye 67 "no hard links in $g_dir"
    bye 76
  fi
  exec 2>/dev/null
  [ "$g_why" = - ] || g_secrets= g_setup=: g_script='exit 143'
  step </dev/null >>"$g_run.out" 2>&1 &
  g_pid=$! g_secrets= g_setup= g_script=
  [ "$g_tmo" -eq 0 ] || { session "$g_sh" "$0" _limit "$g_tmo" "$g_me" "$g_born" >/dev/null & g_timer=$!; }
  g_ready=1
  [ "$g_why" = - ] || stop "$g_why"
  st "$g_pid"; g_proc=" pid=$g_pid st=$g_st ."
  put 1<>"$g_run.rec"
  g_rc=
  while :; do                                   # a signal interrupts wait: then it did not tell the end of the step
    g_intr=
    wait "$g_pid"; g_n=$?
    [ "$g_n" = 127 ] && [ -n "$g_rc" ] && break # it did, in the turn before
    g_rc=$g_n
    [ -n "$g_intr" ] || break
  done
  [ -z "$g_timer" ] || [ "$g_why" = timeout ] || sig KILL "$g_timer"
  [ -z "$g_killer" ] || ended
  g_left=0; kill -0 "-$g_pid" && g_left=1
  g_size=0
  if [ -s "$g_run.out" ]; then g_size=$(wc -c <"$g_run.out"); set -- $g_size; g_size=$1; fi
  uptime; g_end=" rc=$g_rc why=$g_why size=$g_size up=$g_up left=$g_left ."
  put 1<>"$g_run.rec"
  bye 0
}
# After a stop all of the group must be gone, not only its leader.
ended() {
  g_i=0
  while galive "$g_pid"; do
    st "$g_killer"
    [ -n "$g_st" ] || g_i=$((g_i + 1))
    [ "$g_i" -lt 40 ] || break
    sleep 0.05 || sleep 1
  done
  sig KILL "$g_killer"
}

# --- the follower

# g_state: none | void | exited | running | orphan (supervisor gone, step alive) | lost | rebooted
state() {
  rec "$g_run.rec"
  g_state=none
  case $g_claim in
    '') [ ! -f "$g_run.rec" ] || g_state=lost; return 0 ;;
    *' void=1 '*) g_state=void; return 0 ;;
  esac
  case $g_end in ' rc='*' .'*) g_state=exited; return 0 ;; esac
  boot; field boot "$g_claim"
  [ "$g_v" = "$g_boot" ] || { g_state=rebooted; return 0; }
  field sup "$g_claim"; g_sup=$g_v; st "$g_sup"; field st "$g_claim"
  [ -n "$g_st" ] && [ "$g_v" = "$g_st" ] && { g_state=running; return 0; }
  rec "$g_run.rec"                              # did it end while we looked?
  case $g_end in ' rc='*' .'*) g_state=exited; return 0 ;; esac
  g_state=lost
  field pid "$g_proc"; g_pid=$g_v
  [ -n "$g_pid" ] || return 0
  st "$g_pid"; field st "$g_proc"
  [ -n "$g_st" ] && [ "$g_v" = "$g_st" ] && g_state=orphan
}
# The answer to a start.
told() {
  state
  case $g_state$g_claim in
    none*) ;;
    void*' fenced=1 '*) printf '\ngolive:error code=68 the lock it belongs to is not held any more .\n' ;;
    *) tell ;;
  esac >&2
}
going() { state; [ "$g_state" = running ] || [ "$g_state" = orphan ]; }
tell() {
  case $g_state in
    exited) printf '\ngolive:exited%s .\n' "${g_end%% .*}" ;;
    none | void) printf '\ngolive:%s size=0 .\n' "$g_state" ;;
    *) g_size=0; [ ! -s "$g_run.out" ] || g_size=$(wc -c <"$g_run.out")
      set -- $g_size; printf '\ngolive:%s size=%s .\n' "$g_state" "$1" ;;
  esac
}
# Waits a moment, longer each time, or until USR1.
g_beat=0
nap() {
  g_beat=$((g_beat + 1))
  if [ $g_beat -lt 40 ]; then g_t=0.02; elif [ $g_beat -lt 100 ]; then g_t=0.05; else g_t=0.1; fi
  sleep $g_t </dev/null >/dev/null 2>&1 4<&- &
  wait $! || [ -n "$g_over" ] || sleep 1        # no fractions of a second here
}
# Copies descriptor 4 from where it stands, as long as a condition holds.
pour() {
  while "$1"; do cat <&4 || return 0; nap; done
  cat <&4
}
supervised() { [ -z "$g_over" ] && st "$g_sup" && [ -n "$g_st" ]; }

# What has to hold before anything is launched.
ready() {
  [ $# -eq 9 ] || die 64 usage
  for g_i in "$4" "$5" "$6" "$7" "$8"; do number "$g_i"; done
  case $9 in -) ;; */*/*/* | *[!A-Za-z0-9._/-]* | .* | *..*) die 64 "bad fence" ;; [A-Za-z0-9]*/[1-9]*/[A-Za-z0-9]*) ;; *) die 64 "bad fence" ;; esac
  ident "$1"; tools; boot
  [ "$g_boot" = "$2" ] || die 66 "the machine was restarted since it said hello"
  read -r g_host 2>/dev/null <"$g_dir/host"
  [ "${g_host:-}" = "$3" ] || die 66 "it is another machine, or its $g_dir was replaced"
  [ ! -f "$g_run.rec" ] || return 0
  { :; } 2>/dev/null >>"$g_run.out" || die 67 "cannot write in $g_dir"
}
start() {
  ready "$@"
  if [ -f "$g_run.rec" ]; then follow "$1" 0; return; fi
  trap 'g_over=1' USR1
  printf '\ngolive:out %s 0\n' "$g_id"
  exec 3<&0                                     # a command with & gets /dev/null as its standard input
  session "$g_sh" "$0" _sup $$ "$@" <&3 3<&- >/dev/null &
  g_sup=$!
  exec 3<&- </dev/null
  if [ "$g_tail" = gnu ]; then
    # tail ends when the supervisor is gone; it looks when its files change, and every 50 ms. So that it looks at once,
    # the empty file is truncated when the supervisor was collected. A lost signal costs 50 ms.
    tail -q -c +1 -s 0.05 -f --pid=$g_sup "$g_run.out" "$g_dir/wake" 2>/dev/null &
    g_t=$!
    [ -n "$g_over" ] || wait $g_t
    if [ -n "$g_over" ]; then
      wait $g_sup
      { :; } >"$g_dir/wake"
      wait $g_t
    fi
  else
    exec 4<"$g_run.out"
    pour supervised
    wait $g_sup
    cat <&4
  fi 2>/dev/null
  told
}

# --- serving: one start after the other, without a session, a shell and a setsid for each. The line reads the requests
# in a session of its own and forks the supervisors, which thus have a session that is not the connection's; of the
# connection it holds standard input only, whose end ends it. What it says goes to the follower.

line() {
  case $g_dir in /*) cd / ;; esac
  while IFS= read -r g_l; do
    case $g_l in 'start '*) ;; *) die 64 usage ;; esac
    set -f; set -- $g_l; set +f; shift
    ready "$@"
    [ ! -f "$g_run.rec" ] || { echo "follow $g_id"; exit; } # nobody reads its payload
    exec 3<&0
    if [ -r /proc/self/stat ]; then ( sup '' "$@" ) <&3 3<&- 2>&1 >/dev/null &
    else session "$g_sh" "$0" _sup $$ "$@" <&3 3<&- 2>&1 >/dev/null &
    fi
    g_sup=$!
    exec 3<&-
    echo "begin $g_id $g_sup"
    wait $g_sup
    echo "end"
    # The follower ends when the end is not recorded. So does the line: a connection is over with its last process.
    state
    [ "$g_state" = exited ] || exit
  done
}
serve() {
  exec 3<&0 </dev/null
  tools
  session "$g_sh" "$0" _line <&3 3<&- 2>&1 | {
    exec 3<&-
    while IFS= read -r g_l; do
      case $g_l in
        'begin '*) set -- $g_l; ident "$2"; g_sup=$3; served ;;
        end)
          if [ "$g_tail" = gnu ]; then { :; } >"$g_dir/wake"; wait $g_t; else cat <&4; exec 4<&-; fi
          told
          [ "$g_state" = exited ] || exit 0
          printf '\ngolive:served %s .\n' "$g_id" >&2 ;;
        'follow '*) follow "${g_l#follow }" 0 ;;
        *) printf '%s\n' "$g_l" >&2 ;;
      esac
    done
  } &
  exec 3<&- >/dev/null 2>&1                     # the end of the follower is the end of the output
  wait
}
# Begins to give out what the step prints.
served() {
  printf '\ngolive:out %s 0\n' "$g_id"
  if [ "$g_tail" = gnu ]; then
    tail -q -c +1 -s 0.05 -f --pid=$g_sup "$g_run.out" "$g_dir/wake" </dev/null 2>/dev/null &
    g_t=$!
  else
    exec 4<"$g_run.out"
    pour supervised
  fi
}

follow() {
  ident "$1"; number "$2"; tools; state
  g_from=+$(($2 + 1))
  case $g_state in none | void) tell >&2; return ;; esac
  printf '\ngolive:out %s %s\n' "$g_id" "$2"
  if [ ! -f "$g_run.out" ]; then :
  elif ! going; then tail -c "$g_from" "$g_run.out"
  elif [ "$g_tail" = gnu ]; then
    # --pid names a child of this follower: a supervisor nobody collects would seem to live for ever. The child also
    # ends when the connection left this follower behind.
    st $$; g_mother=$g_pp
    while going && st $$ && [ "$g_pp" = "$g_mother" ]; do nap; done </dev/null >/dev/null 2>&1 &
    tail -q -c "$g_from" -s 0.05 -f --pid=$! "$g_run.out" "$g_dir/wake" 2>/dev/null
  else
    exec 4<"$g_run.out"
    tail -c "$g_from" <&4                       # leaves the shared descriptor at the end of the file
    pour going
  fi
  # What was dropped had been received: there is nothing to miss.
  state; [ "$g_state" != exited ] || [ -f "$g_run.out" ] || received "$2"
  tell >&2
}
received() { field size "$g_end"; g_end="${g_end%%" size=$g_v "*} size=$1 ${g_end#*" size=$g_v "}"; }

case ${1:-} in
  _sup) shift; sup "$@" ;;
  _line) line; exit ;;
  _limit) sleep "$2"; st "$3"; [ "$g_st" != "$4" ] || kill -USR1 "$3"; exit ;; # whoever has that pid by now is spared
  start) shift; start "$@"; exit ;;
  serve) serve; exit ;;
  follow) shift; follow "$@"; exit ;;
esac

# --- the rest: not hot

hello() {
  umask 077
  [ ! -L "$g_dir" ] || die 67 "$g_dir is a symbolic link"
  mkdir -p "$g_dir/run" 2>/dev/null || die 67 "cannot make $g_dir"
  [ -O "$g_dir" ] || die 67 "$g_dir belongs to someone else"
  chmod 700 "$g_dir"
  if [ ! -s "$g_dir/host" ]; then
    { od -An -N8 -tx1 /dev/urandom | tr -d ' \n'; echo; } 2>/dev/null >"$g_dir/host.$$"
    read -r g_host 2>/dev/null <"$g_dir/host.$$" || g_host=
    # A full disk once left an empty one: that is none. One that is not there yet is not removed, it may just be made.
    [ ${#g_host} -ne 16 ] || { [ ! -e "$g_dir/host" ] || [ -s "$g_dir/host" ] || rm -f "$g_dir/host"; ln "$g_dir/host.$$" "$g_dir/host" 2>/dev/null; }
    rm -f "$g_dir/host.$$"
  fi
  read -r g_host 2>/dev/null <"$g_dir/host" || die 67 "no room in $g_dir, or it has no hard links"
  { :; } >"$g_dir/wake"
  g_sid=$(command -v setsid || command -v perl) || die 67 "it has neither setsid nor perl"
  g_tail=posix
  case $(tail --version 2>/dev/null) in *GNU*) g_tail=gnu ;; esac
  printf '%s\n%s\n' "$g_sid" "$g_tail" >"$g_dir/tools.$$" && mv "$g_dir/tools.$$" "$g_dir/tools" || die 67 "no room in $g_dir"
  g_free=$(df -Pk "$g_dir" 2>/dev/null | { read -r g_s; read -r g_s g_s g_s g_f g_s; echo "$g_f"; })
  case $g_free in *[!0-9]*) g_free= ;; esac
  read -r g_name 2>/dev/null </proc/sys/kernel/hostname || g_name=$(uname -n)
  case $g_name in *[!A-Za-z0-9._-]*) g_name= ;; esac
  boot; g_uid=$(id -u)
  g_now=$(date +%s.%N)
  case $g_now in *[!0-9.]* | *.) g_now=${g_now%%.*} ;; esac
  printf '\ngolive:hello v=1 boot=%s host=%s uid=%s hostname=%s session=%s tail=%s free_kb=%s now=%s .\n' \
    "$g_boot" "$g_host" "$g_uid" "$g_name" "${g_sid##*/}" "$g_tail" "$g_free" "$g_now"
}
cancel() {
  ident "$1"; number "$2"; tools; state
  [ "$g_state" != none ] || bury                # unless it is launched at this moment: then it is ended
  case $g_state in
    running)
      # The supervisor is the parent, so that it never signals another process than its own. On a full disk it takes the
      # grace time of the launch.
      printf '%s\n' "$2" 2>/dev/null >"$g_run.grace"
      kill -TERM "$g_sup" || die 75 "it could not be signalled" ;;
    orphan) session "$g_sh" "$0" _orphan "$1" "$2" </dev/null >/dev/null 2>&1 & ;;
  esac
  tell
}
# Ends a step that nobody supervises.
orphan() {
  ident "$1"; state; g_i=0
  [ "$g_state" = orphan ] || exit 0
  sig TERM "$g_pid"
  while [ "$g_i" -lt "$2" ] && going; do sleep 1; g_i=$((g_i + 1)); done
  state; [ "$g_state" != orphan ] || sig KILL "$g_pid"
}
void() { ident "$1"; bury; tell; }
# Takes the claim, unless it is taken.
bury() {
  boot
  g_claim=" v=1 void=1 boot=$g_boot ." g_proc= g_end=
  put 2>/dev/null >"$g_run.rec.$$" || die 67 "no room in $g_dir"
  ln "$g_run.rec.$$" "$g_run.rec" 2>/dev/null
  rm -f "$g_run.rec.$$"
  state
}

# Removes what an attempt that is over has printed. The record stays: an id must never be claimed again.
drop() {
  ident "$1"; state
  case $g_state in exited | void) rm -f "$g_run.out" || die 75 "its output could not be removed" ;; esac
  tell
}

# --- the lock of an environment

epochs() { word "$1"; g_lock=$g_dir/lock/$1; }
# g_top: the highest epoch there ever was. g_open: not empty when it is open; g_e: its folder then.
# Open ones are looked for first: one that is closed meanwhile is seen among the others.
top() {
  g_top=0 g_open=
  for g_e in "$g_lock"/*.open "$g_lock"/*.closed; do
    g_n=${g_e##*/}; g_n=${g_n%.*}
    case $g_n in 0* | *[!0-9]*) continue ;; esac
    [ "$g_n" -le "$g_top" ] || g_top=$g_n
  done
  g_e=$g_lock/$g_top.open
  [ ! -d "$g_e" ] || [ -d "$g_lock/$g_top.closed" ] || g_open=1
}
# top and who holds it. A record that is not there yet is waited for, so many tenths of a second: whoever made the epoch
# may just be writing it.
held() {
  g_i=0
  while :; do
    top
    [ -n "$g_open" ] || return 1
    holder "$g_e"
    [ -z "$g_hid" ] || return 0
    g_i=$((g_i + 1))
    [ $g_i -lt "$1" ] || break
    sleep 0.1 2>/dev/null || sleep 1
  done
  g_hid=epoch-$g_top
}
# Says who holds it.
busy() {
  g_age=
  read -r g_s 2>/dev/null <"$g_e/.beat" || g_s=
  case $g_s in '' | 0* | *[!0-9]* | ????????????*) ;; *) g_age=$(($(date +%s) - g_s)) ;; esac
  case $g_age in -*) g_age= ;; esac
  printf '\ngolive:busy epoch=%s id=%s word=%s beat=%s .\n' "$g_top" "$g_hid" "$g_word" "$g_age"
}
heard() { date +%s 2>/dev/null >"$g_e/.beat"; }
unheld() { printf '\ngolive:free epoch=%s .\n' "$g_top"; }
# Closes an epoch. Nothing can be linked into it after that.
shut() {
  [ -d "$g_lock/$1.closed" ] || mv -f "$g_lock/$1.open" "$g_lock/$1.closed" 2>/dev/null
  [ -d "$g_lock/$1.closed" ]
}
# Whether an epoch is the newest one. One that was made late is not: its number was used.
newest() { top; [ "$g_top" = "$1" ] && [ -n "$g_open" ]; }

take() {
  epochs "$1"; word "$2"; word "$4"
  case $3 in '' | *[!0-9a-f]*) die 64 "bad word" ;; esac
  umask 077
  mkdir -p "$g_lock" 2>/dev/null || die 67 "cannot make $g_lock"
  g_mine=$g_lock/.take.$$ g_fresh=0 g_turn=0
  { printf '%s %s\n' "$2" "$3" >"$g_mine" && read -r g_s g_v <"$g_mine" && [ "$g_v" = "$3" ]; } 2>/dev/null || {
    rm -f "$g_mine"
    die 67 "no room in $g_dir"
  }
  while :; do
    g_turn=$((g_turn + 1))
    [ $g_turn -lt 50 ] || { rm -f "$g_mine"; die 67 "cannot make an epoch in $g_lock"; }
    if held 25; then
      [ "$g_hid" != "$2" ] || break
      if [ "$4" != none ] && [ "$g_hid" = "$4" ]; then shut "$g_top"; continue; fi
      rm -f "$g_mine"
      busy
      return
    fi
    g_new=$((g_top + 1))
    mkdir "$g_lock/$g_new.open" 2>/dev/null || continue
    # A sleeper that wakes up late must not hold a number that was used, whatever became of that epoch meanwhile.
    newest "$g_new" || { rmdir "$g_lock/$g_new.open" 2>/dev/null; continue; }
    ln "$g_mine" "$g_lock/$g_new.open/.holder" 2>/dev/null || { rmdir "$g_lock/$g_new.open" 2>/dev/null; continue; }
    newest "$g_new" || { rm -f "$g_lock/$g_new.open/.holder"; rmdir "$g_lock/$g_new.open" 2>/dev/null; continue; }
    g_fresh=1
    break
  done
  rm -f "$g_mine"
  heard
  g_epoch=$g_top
  remains
  printf '\ngolive:held epoch=%s fresh=%s left=%s far=%s word=%s .\n' \
    "$g_epoch" "$g_fresh" "${g_left#,}" "${g_far#,}" "$g_whose"
}
# What began in closed epochs: g_left may still run here, g_far on the machine of a holder, g_whose the word of that. What
# never began never will; what is over is forgotten. At most 40 are told.
remains() {
  g_left= g_far= g_whose= g_count=0
  boot
  for g_old in "$g_lock"/*.closed; do
    [ -d "$g_old" ] || continue
    for g_file in "$g_old"/*; do
      [ -f "$g_file" ] || continue
      g_id=${g_file##*/}
      case $g_id in [!A-Za-z0-9]* | *[!A-Za-z0-9._-]* | *. | *.*[!0-9]) rm -f "$g_file"; continue ;; esac
      g_run=$g_dir/run/$g_id
      if rec "$g_file"; case $g_claim in *' far=1 '*) true ;; *) false ;; esac then
        g_count=$((g_count + 1))
        [ $g_count -gt 40 ] || g_far=$g_far,$g_id
        holder "$g_old"; g_whose=$g_word
        continue
      fi
      state
      [ "$g_state" != none ] || { bar; state; }
      case $g_state in
        running | orphan)
          g_count=$((g_count + 1))
          [ $g_count -gt 40 ] || g_left=$g_left,$g_id ;;
        *) rm -f "$g_file" ;;
      esac
    done
    g_n=${g_old##*/}; g_n=${g_n%.*}
    [ "$g_n" -lt "$g_epoch" ] 2>/dev/null && empty "$g_old" || continue
    rm -f "$g_old/.holder" "$g_old/.beat"
    rmdir "$g_old" 2>/dev/null
  done
}
empty() { for g_file in "$1"/*; do [ ! -e "$g_file" ] || return 1; done; }
look() {
  epochs "$1"
  if held 10; then busy; else unheld; fi
}
beat() {
  epochs "$1"; word "$2"
  held 10 || { unheld; return; }
  [ "$g_hid" != "$2" ] || heard
  busy
}
# Releases the lock. Its holder says with that that nothing of it runs any more on another machine.
free() {
  epochs "$1"; word "$2"
  held 10 || { unheld; return; }
  [ "$g_hid" = "$2" ] || { busy; return; }
  shut "$g_top" || die 75 "the lock could not be closed"
  for g_file in "$g_lock"/*.closed/*; do
    rec "$g_file"
    case $g_claim in *' far=1 '*) rm -f "$g_file" ;; esac
  done
  unheld
}
# Claims an attempt that will run on another machine.
claim() {
  epochs "$1"; number "$2"; word "$3"; ident "$4"
  umask 077
  [ -d "$g_lock" ] || die 68 "the lock it belongs to is not held any more"
  { printf ' v=1 far=1 .\n\n\n' >"$g_lock/.claim.$$" && [ -s "$g_lock/.claim.$$" ]; } 2>/dev/null || die 67 "no room in $g_dir"
  enter "$1" "$2" "$3" "$g_lock/.claim.$$"
  g_c=$?
  rm -f "$g_lock/.claim.$$"
  case $g_c in
    0) printf '\ngolive:claimed .\n' ;;
    2) die 67 "no room in $g_dir" ;;
    *) die 68 "the lock it belongs to is not held any more" ;;
  esac
}
unclaim() {
  epochs "$1"; number "$2"; ident "$3"
  for g_file in "$g_lock/$2.open/$3" "$g_lock/$2.closed/$3"; do
    rec "$g_file"
    case $g_claim in *' far=1 '*) rm -f "$g_file" ;; esac
  done
  printf '\ngolive:unclaimed .\n'
}

# Drops the bulk of what is over. The record stays: an id must never be claimed again.
gc() {
  number "$1"
  cd "$g_dir/run" || die 67 "cannot read $g_dir"
  g_n=0
  for g_e in $(find . -type f -name '*.out' -mtime "+$1"); do
    g_e=${g_e#./}; ident "${g_e%.out}"; state
    case $g_state in running | orphan) continue ;; esac
    rm -f "$g_run.out" "$g_run.grace" "$g_run".rec.*
    g_n=$((g_n + 1))
  done
  find "$g_dir/lock" -type f \( -name '.take.*' -o -name '.claim.*' \) -mtime +1 -exec rm -f {} \; 2>/dev/null
  find "$g_dir"/launcher-*.sh -prune -mtime "+$1" ! -name "${0##*/}" -exec rm -f {} \;
  printf '\ngolive:gc cleared=%s .\n' "$g_n"
}

case ${1:-} in
  hello) hello ;;
  status) ident "${2:-}"; state; tell ;;
  cancel) cancel "${2:-}" "${3:-}" ;;
  void) void "${2:-}" ;;
  drop) drop "${2:-}" ;;
  gc) gc "${2:-}" ;;
  take) take "${2:-}" "${3:-}" "${4:-}" "${5:-}" ;;
  look) look "${2:-}" ;;
  beat) beat "${2:-}" "${3:-}" ;;
  free) free "${2:-}" "${3:-}" ;;
  claim) claim "${2:-}" "${3:-}" "${4:-}" "${5:-}" ;;
  unclaim) unclaim "${2:-}" "${3:-}" "${4:-}" ;;
  _orphan) orphan "$2" "$3" ;;
  # A shell that a profile goes on as got no command, and has read all this as what is typed.
  '') die 64 "its login shell goes on as another shell, which gets no command" ;;
  *) die 64 "no such verb" ;;
esac
