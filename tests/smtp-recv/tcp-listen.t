#!/bin/sh
# tcp-listen: a port, families, user
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

if [ "$(id -u)" = 0 ]; then
  is '-u drops, by name' "$(tcp-listen -u nobody 127.0.0.1 "$p" id -un)" nobody
fi
finish
