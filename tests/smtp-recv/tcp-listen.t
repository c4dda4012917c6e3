#!/bin/sh
# tcp-listen and unix-listen
. tests/tap.sh
port() { python3 -c "
import socket
s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"; }
show='
import socket
s = socket.socket(fileno=%s)
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), s.getsockname())'
p=$(port)
is 'IPv4' "$(tcp-listen 127.0.0.1 "$p" python3 -c "$(printf "$show" 0)")" \
  "1 ('127.0.0.1', $p)"
both="
import socket
s = socket.socket(fileno=0)
c = socket.create_connection(('127.0.0.1', $p))
print(s.accept()[1][0].split(':')[-1])"
is 'every address of both families' "$(tcp-listen :: "$p" python3 -c "$both")" \
  127.0.0.1
is '0 is the same' "$(tcp-listen 0 "$p" python3 -c "$both")" 127.0.0.1
fails 'a taken port is one line and 111' 111 \
  tcp-listen 127.0.0.1 "$p" tcp-listen 127.0.0.1 "$p" true
is 'which says so' "$(cat "$T/.out")" \
  "tcp-listen: fatal: unable to bind to 127.0.0.1 port $p: Address already in use"
fails 'not an address' 100 tcp-listen localhost "$p" true
fails 'not a port' 100 tcp-listen 127.0.0.1 70000 true
fails 'unknown user' 100 tcp-listen -u no-such-user 127.0.0.1 "$p" true
fails 'no program' 100 tcp-listen 127.0.0.1 "$p"
fails 'a program that is not there' 127 tcp-listen 127.0.0.1 "$p" /nonexistent

s=$T/s
is 'a unix socket' "$(unix-listen "$s" python3 -c "$(printf "$show" 0)")" \
  "1 $s"
is 'mode 600' "$(stat -c %a "$s")" 600
is 'a stale one is replaced; -m' "$(unix-listen -m 666 "$s" stat -c %a "$s")" \
  666
is '-f: another descriptor' \
  "$(unix-listen -f 6 "$s" python3 -c "$(printf "$show" 6)")" "1 $s"
fails 'a living one is not' 111 unix-listen "$s" unix-listen "$s" true
touch "$T/file"
fails 'nor is a file' 111 unix-listen "$T/file" true
fails 'unknown owner' 100 unix-listen -o no-such-user "$s" true
fails 'too long a path' 100 unix-listen "$T/$(printf %0120d 0)" true
if [ "$(id -u)" = 0 ]; then
  is '-u drops, owner and groups follow' \
    "$(unix-listen -u 4321:4322 "$s" sh -c 'id -u; id -g; id -G')" \
    '4321
4322
4322'
  is 'the socket is theirs' "$(stat -c %u "$s")" 4321
  unix-listen -u 4321:4322 -o 4444 "$s" true
  is '-o: or another owner' "$(stat -c %u "$s")" 4444
  is 'tcp-listen drops too, by name' \
    "$(tcp-listen -u nobody 127.0.0.1 "$p" id -un)" nobody
fi
finish
