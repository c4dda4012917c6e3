#!/bin/sh
# The same service directories under s6-svscan and under runsvdir: all services
# say that they are ready, mail goes in and out, and a clean stop leaves none.
. tests/tap.sh
build=$(cd "${O:-build}" && pwd)
chmod 755 "$T"
package/install "$build" '' "$T/prog"
PATH=$T/prog/bin:$PATH

ports() { # five ports that are free now
  python3 -c '
import socket
s = [socket.socket() for _ in range(5)]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])'
}

instance() { # DIR
  "$T/prog/share/rohrpost/setup" -r "$1" -n localhost localhost >/dev/null
  read -r SMTP SUBMISSION SUBMISSIONS IMAP IMAPS <<P
$(ports)
P
  echo 127.0.0.1 >"$1/etc/env/LISTEN"
  for v in SMTP SUBMISSION SUBMISSIONS IMAP IMAPS; do
    eval "echo \$$v" >"$1/etc/env/${v}_PORT"
  done
  mkdir -p "$1/etc/tls/localhost"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -days 9 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$1/etc/tls/localhost/privkey.pem" \
    -out "$1/etc/tls/localhost/fullchain.pem" 2>/dev/null
  echo secret | user-edit -u "$1/var/users" -e "$1/etc" add u@localhost
  make -s -C "$1/etc"
}

until_ok() { # SECONDS CMD…: polls
  end=$(($(date +%s) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt $end ] || return 1
    perl -e 'select undef, undef, undef, 0.1'
  done
}

ask() { curl -sk -m 20 -u u@localhost:secret "$@"; }

mail_works() { # NAME
  printf 'From: u@localhost\r\nSubject: %s\r\n\r\nhello\r\n' "$1" >"$T/msg"
  check "$1: submission takes a message" ask \
    --url "smtps://127.0.0.1:$SUBMISSIONS/c" --mail-from u@localhost \
    --mail-rcpt u@localhost -T "$T/msg"
  arrived() {
    ask "imaps://127.0.0.1:$IMAPS/INBOX" -X "SEARCH SUBJECT $1" |
      grep -q 'SEARCH [0-9]'
  }
  check "$1: IMAP shows it" until_ok 20 arrived "$1"
}

survivors() { # DIR: processes that still name the instance
  for p in /proc/[0-9]*; do
    tr '\0' '\n' <"$p/environ" 2>/dev/null |
      grep -qx "ROHRPOST_RUN=$1/run" && echo "${p#/proc/}: $(tr '\0' ' ' \
        <"$p/cmdline")"
  done
}

count=$(ls -d package/service/*/ | wc -l)

instance "$T/s6"
setsid s6-svscan "$T/s6/service" >"$T/s6.log" 2>&1 &
pid=$!
all_up() {
  up=0
  for s in "$1"/service/*/; do
    case $(s6-svstat -o ready "$s" 2>/dev/null) in true) up=$((up + 1)) ;; esac
  done
  [ $up -eq "$count" ]
}
check "s6: all $count services are ready" until_ok 40 all_up "$T/s6"
mail_works s6
s6-svscanctl -t "$T/s6/service"
wait $pid
is "s6: a clean stop leaves no process" "$(survivors "$T/s6")" ''

instance "$T/runit"
setsid runsvdir "$T/runit/service" >"$T/runit.log" 2>&1 &
pid=$!
# runit has no readiness: the sockets tell
all_bound() {
  [ "$(find "$T/runit/run" -type s | wc -l)" -ge 10 ] || return 1
  python3 - $SMTP $SUBMISSION $SUBMISSIONS $IMAP $IMAPS <<'P'
import socket, sys
for p in sys.argv[1:]:
    socket.create_connection(("127.0.0.1", int(p)), 2).close()
P
}
check "runit: all services are up" until_ok 40 all_bound
mail_works runit
kill -HUP $pid
wait $pid
gone() { [ -z "$(survivors "$T/runit")" ]; }
until_ok 70 gone
is "runit: a clean stop leaves no process" "$(survivors "$T/runit")" ''
finish
