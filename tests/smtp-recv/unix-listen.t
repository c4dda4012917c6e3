#!/bin/sh
# unix-listen: a unix socket, owner, mode, user
. tests/tap.sh
show='
import socket
s = socket.socket(fileno=%s)
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), s.getsockname())'
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
fi
finish
