#!/bin/sh
# parcel when: by sender and by recipient, through a filter or with a reply
. tests/tap.sh

cat >"$T/list" <<'X'
vip@x.test      # one address
@y.test
@.z.test        # what is below it
@bücher.test
<>
X
table-build list "$T/list" >"$T/input" && cdb -c "$T/list.cdb" "$T/input"
l=$T/list.cdb
for bad in 'x' 'a b@x.test' '@' '@.' '@x..test' 'a@'; do
  echo "$bad" >"$T/bad"
  fails "a list with '$bad'" 1 table-build list "$T/bad"
done

mk() { parcel -i "$1" -p ip=192.0.2.1 -f "$2" -t "$3" ${4+-t "$4"} <"$T/m"; }
printf 'Subject: hi\n\nbody\n' >"$T/m"
mark='parcel run sh -c "echo X-Mark: 1"'
by_sender() { # OPTIONS FROM…: those that went through the filter
  opt=$1; shift
  n=0
  for f; do n=$((n + 1)); mk "p$n" "$f" b@b.test; done |
    parcel when $opt F "$l" sh -c "$mark" | parcel print |
    sed -n 's/^F //p; s/^H X-Mark.*/marked/p' | tr '\n' ' '
}
is 'by sender' "$(by_sender '' vip@x.test n@x.test a@y.test a@z.test \
  a@a.z.test a@a.b.z.test A@Y.TEST a@xn--bcher-kva.test '')" \
  'vip@x.test marked n@x.test a@y.test marked a@z.test a@a.z.test marked '\
'a@a.b.z.test marked A@Y.TEST marked a@xn--bcher-kva.test marked marked '
is '-v: the others' "$(by_sender -v vip@x.test n@x.test a@y.test)" \
  'vip@x.test n@x.test marked a@y.test '
(mk a a@y.test b@b.test; mk b n@x.test b@b.test) >"$T/p"
check 'all else is as it was, byte for byte' sh -c \
  "parcel when F '$l' cat <'$T/p' | cmp - '$T/p'"
(mk a a@y.test Q@b.test; mk b n@x.test Q@b.test) >"$T/p"
is 'a filter may change the recipients of its own' \
  "$(parcel when F "$l" stdbuf -o0 tr Q R <"$T/p" | parcel print |
    grep ^T)" 'T 0\0R@b.test
T 0\0Q@b.test'

# By recipient: verdicts of the filter are for those that the table knows
two() { # OPTIONS FILTER T T: the verdicts
  opt=$1 f=$2; shift 2
  mk a s@s.test "$@" | parcel when $opt T "$l" sh -c "$f" | parcel print |
    grep '^[VH]'
}
no='parcel run -s connect sh -c "exit 100"'
V='V reject\0550 5.7.1 Refused by local policy'
is 'by recipient: one of two' "$(two '' "$no" n@x.test a@y.test)" "$V"'\01'
is 'by recipient: the other' "$(two '' "$no" a@y.test n@x.test)" "$V"'\00'
is 'by recipient: both' "$(two '' "$no" a@y.test vip@x.test)" \
  "$V"'\00
'"$V"'\01'
is 'by recipient: none' "$(two '' "$no" n@x.test m@x.test)" ''
is 'by recipient: -v' "$(two -v "$no" n@x.test a@y.test)" "$V"'\00'
is 'by recipient: a verdict at the end' \
  "$(two '' 'parcel run sh -c "exit 100"' n@x.test a@y.test)" "$V"'\01'
is 'by recipient: fields are for all' "$(two '' "$mark" n@x.test a@y.test)" \
  'H X-Mark: 1\r\n'
is 'by recipient: no recipient is lost or doubled' \
  "$(mk a s@s.test n@x.test a@y.test | parcel when T "$l" cat | parcel print |
    grep '^[IPFT]')" 'I a
P ip=192.0.2.1
F s@s.test
T 0\0n@x.test
T 1\0a@y.test'
printf '2:Ia,7:Fs@s.te,11:T0\0a@y.test,20:Vreject\000550 5.7.1 No,1:.,' >"$T/v"
is 'what was refused before stays refused for all' \
  "$(parcel when T "$l" cat <"$T/v" | parcel print | grep ^V)" \
  'V reject\0550 5.7.1 No'

# Replies instead of a filter
is '-r: by sender' "$(parcel when -r '550 5.7.1 Not you' F "$l" <"$T/p" |
  parcel print | grep '^[IV]')" 'I a
V reject\0550 5.7.1 Not you
I b'
is '-r: by recipient' "$(mk a s@s.test n@x.test a@y.test |
  parcel when -r '451 4.7.1 Later' T "$l" | parcel print | grep ^V)" \
  'V defer\0451 4.7.1 Later\01'

# ? is answered with what the filter has said by then
printf '2:Ia,9:Fa@y.test,1:?,11:T0\0b@b.test,1:.,' >"$T/q"
is 'a question waits for the filter' "$(parcel when F "$l" \
  parcel run -s sender sh -c 'exit 100' <"$T/q" | parcel print)" 'I a
F a@y.test
V reject\0550 5.7.1 Refused by local policy
?
T 0\0b@b.test
.'
printf '2:Ia,1:?,9:Fa@y.test,11:T0\0b@b.test,1:.,' >"$T/q"
is 'a question before the choice is passed on' "$(parcel when F "$l" \
  parcel run -s connect sh -c 'exit 100' <"$T/q" | parcel print)" 'I a
?
V reject\0550 5.7.1 Refused by local policy
F a@y.test
T 0\0b@b.test
.'
head -c 3000000 /dev/zero | tr '\0' x >"$T/m"
mk a a@y.test b@b.test >"$T/p"
check 'a big one goes through' sh -c \
  "parcel when F '$l' cat <'$T/p' | cmp - '$T/p'"
fails 'a filter that dies breaks the parcel off' 111 sh -c \
  "parcel when F '$l' sh -c 'head -c 100000; exit 1' <'$T/p' >/dev/null"
awk 'BEGIN { printf "2:Ia,9:Fn@x.test,"
  for (i = 0; i < 900; i++) { printf "5016:T%04d%cn@x.test", i, 0
    for (k = 0; k < 5002; k++) printf "x"; printf "," }
  printf "1:.," }' >"$T/huge"
fails 'an envelope without end is not kept' 111 sh -c \
  "parcel when T '$l' cat <'$T/huge' >/dev/null"
fails 'no table' 111 sh -c "parcel when F '$T/none' cat <'$T/p' >/dev/null"
fails 'a bad reply' 100 parcel when -r 'go away' F "$l"
fails 'neither F nor T' 100 parcel when X "$l" cat
fails 'a reply and a filter' 100 parcel when -r '550 5.7.1 x' F "$l" cat
finish
