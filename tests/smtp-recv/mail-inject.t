#!/bin/sh
# mail-inject: sendmail's way in
. tests/tap.sh
export ROHRPOST_ME=me.test
cat >"$T/sink" <<'X'
exec parcel print | while read -r line; do
  printf '%s\n' "$line" >>"$0.out"
  case $line in
  'I '*) id=${line#I } ;;
  'T 0\0no@'*) no=1 ;;
  'T 0\0later@'*) later=1 ;;
  .) if [ "$no" ]; then echo "R $id 550 5.1.1 No such mailbox"
     elif [ "$later" ]; then echo "R $id 451 4.3.0 Later"
     else echo "R $id 250 2.0.0 Taken"; fi; no= later= ;;
  esac
done
X
r=$T/ready
mkfifo "$r"
unix-listen "$T/queue-injected" \
  sh -c 'exec parcel-pool -w -n 1 -d 4 sh "$0" 4>"$1"' "$T/sink" "$r" &
pool=$!
trap 'kill $pool; rm -rf "$T"' EXIT
read -r _ <"$r"
export ROHRPOST_RUN="$T"
out() { # TYPES: what the sink read, ids and dates made plain
  sed -nE "s/[0-9a-v]{16}/ID/;s/\\w+, [0-9]+ \\w+ [0-9: +-]+/DATE/;/^[$1]/p" \
    "$T/sink.out" | sed 's/uid=[0-9]*/uid=U/;s/uid [0-9]*/uid U/'
  rm "$T/sink.out"
}
me=$(id -un)
printf 'Subject: x\nTo: Foo <a@b.test>, root\nBcc: z@z.test,\n y@y.test\nDate: D\n\n.\nhi\n' |
  mail-inject -t -i -f s@me.test
is '-t: recipients of the header, Bcc is left out' "$(out FTM)" \
'F s@me.test
T 0\0a@b.test
T 1\0root@me.test
T 2\0z@z.test
T 3\0y@y.test
M From: s@me.test\r\n
M Message-ID: <ID@me.test>\r\n
M Subject: x\r\n
M To: Foo <a@b.test>, root\r\n
M Date: D\r\n
M \r\n
M .\r\n
M hi\r\n'
printf 'To: "q r"@b.test\n\nhi\n' | mail-inject -t
is '-t: a local part that needs its quotes keeps them' "$(out T)" \
  'T 0\0"q r"@b.test'
printf 'From: a@b\n\nhi\n' |
  mail-inject -f s@me.test -N failure,delay -R hdrs -- a@b.test
is 'what mutt asks for: -N, -R (RFC 3461)' "$(out FT)" \
  'F s@me.test\0RET=HDRS
T 0\0a@b.test\0notify=FAILURE,DELAY'
mail-inject -N never a@b.test </dev/null
is '-N never' "$(out T)" 'T 0\0a@b.test\0notify=NEVER'
mail-inject -N never,delay a@b.test </dev/null 2>/dev/null
is 'NEVER stands alone' $? 100
mail-inject -N delay,delay a@b.test </dev/null 2>/dev/null
is 'each word once' $? 100
printf 'From: a@b\nMessage-ID: <x>\nBcc: q@q\n\nhi\n' |
  mail-inject -F 'A "B"' a@b.test c
is 'recipients of argv; Bcc stays without -t' "$(out FTMH)" \
"F $me@me.test
T 0\\0a@b.test
T 1\\0c@me.test
H Received: by me.test (mail-inject, uid U)\\r\\n\\tid ID; DATE\\r\\n
M Date: DATE\\r\\n
M From: a@b\\r\\n
M Message-ID: <x>\\r\\n
M Bcc: q@q\\r\\n
M \\r\\n
M hi\\r\\n"
printf 'no header here\n' | mail-inject -F 'A "B"' -f '' a@b.test
is 'a message without a header, a null sender, a name' "$(out FM)" \
"F
M From: \"A 'B'\" <$me@me.test>\\r\\n
M Date: DATE\\r\\n
M Message-ID: <ID@me.test>\\r\\n
M \\r\\n
M no header here\\r\\n"
mkdir -p "$T/etc/env" && echo file.test >"$T/etc/env/ROHRPOST_ME"
echo hi | env -u ROHRPOST_ME ROHRPOST_ETC="$T/etc" mail-inject a@b.test
is 'without ROHRPOST_ME the file of the services names the host' "$(out F)" \
  "F $me@file.test"
fails 'nobody to send to' 100 mail-inject </dev/null
fails 'not an address' 1 mail-inject 'a b' </dev/null
fails 'refused' 1 mail-inject no@a.test </dev/null
fails 'deferred' 111 mail-inject later@a.test </dev/null
fails 'no queue' 111 mail-inject -S "$T/none" a@a.test </dev/null
fails 'a bare CR' 1 sh -c "printf 'a\rb' | mail-inject a@a.test"
finish
