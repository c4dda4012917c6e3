#!/bin/sh
# parcel: make, print, extract, run, to
. tests/tap.sh
unset ROHRPOST_ME

printf 'Subject: hi\n\n.dot\n' | parcel -i one -p ip=192.0.2.1 -p helo=h \
  -f a@x.test -t b@y.test -t postmaster >"$T/p"
is 'parcel(5): the bytes' "$(tr '\000\r' '0r' <"$T/p")" \
  '4:Ione,13:Pip=192.0.2.1,7:Phelo=h,9:Fa@x.test,11:T00b@y.test,13:T10postmaster,22:MSubject: hir
r
.dotr
,1:.,'
is 'parcel print' "$(parcel print <"$T/p")" 'I one
P ip=192.0.2.1
P helo=h
F a@x.test
T 0\0b@y.test
T 1\0postmaster
M Subject: hi\r\n
M \r\n
M .dot\r\n
.'
is 'parcel message' "$(parcel message <"$T/p")" 'Subject: hi

.dot'
printf 'a\r\nb\n' | parcel -f '' -t b@y.test | parcel message >"$T/m"
is 'CRLF and LF are both read, LF is written' "$(od -c "$T/m")" \
  "$(printf 'a\nb\n' | od -c)"
head -c 300000 /dev/zero | tr '\0' x >"$T/long"
parcel -t b@y.test <"$T/long" | parcel message >"$T/m"
check 'a long line comes back' cmp "$T/long" "$T/m"
fails 'a bare CR is refused' 1 sh -c "printf 'a\rb' | parcel -t b@y.test"
fails 'no recipient' 100 parcel -f a@x.test
fails 'not an address' 100 parcel -t 'a b@x.test'
fails 'a parcel cut short' 111 sh -c "head -c 20 '$T/p' | parcel print"
fails 'not a parcel' 111 sh -c 'echo hello | parcel print'
fails 'records out of order' 111 sh -c "printf '2:Mx,' | parcel print"

run() { parcel run "$@" <"$T/p" | parcel print | grep '^[HV]'; }
is 'run: fields on stdout become H' "$(run sh -c '
  cat >/dev/null; echo "X-A: 1"; printf "X-B: 2\n  folded\n"')" \
  'H X-A: 1\r\n
H X-B: 2\r\n  folded\r\n'
is 'run: the message is on stdin' "$(run sh -c 'printf "X: "; wc -l')" \
  'H X: 3\r\n'
is 'run: facts are in the environment' \
  "$(run sh -c 'echo "X: $PARCEL_IP $PARCEL_HELO $SENDER"')" \
  'H X: 192.0.2.1 h a@x.test\r\n'
is 'run: 100 rejects' "$(run sh -c 'echo X: y; exit 100')" \
  'V reject\0550 5.7.1 Refused by local policy'
is 'run: 99 junks' "$(run sh -c 'exit 99')" 'V junk\0250 2.0.0 Junk'
for code in 111 1; do
  is "run: $code defers" "$(run sh -c "exit $code" 2>/dev/null)" \
    'V defer\0451 4.7.1 Cannot be judged now'
done
is 'run: a command out of time defers' "$(run -t 1 sleep 60 2>/dev/null)" \
  'V defer\0451 4.7.1 Cannot be judged now'
is 'run: a command that says too much defers' \
  "$(run sh -c 'yes "X: y"' 2>/dev/null)" \
  'V defer\0451 4.7.1 Cannot be judged now'
head -c 1000000 /dev/zero | tr '\0' x | parcel -t b@y.test >"$T/big"
is 'run: its time counts after it has closed its output' \
  "$(run -t 1 sh -c 'cat >/dev/null; exec >&-; exec sleep 60' 2>/dev/null)" \
  'V defer\0451 4.7.1 Cannot be judged now'
is 'run: a command need not read' "$(parcel run true <"$T/big" |
  parcel message | wc -c)" 1000000
is 'run: parcel after parcel' \
  "$(cat "$T/p" "$T/p" "$T/p" | parcel run sh -c 'echo X: y' | parcel print |
  grep -c '^H X: y')" 3
printf '2:Ia,1:F,6:T0\0a@b,20:Vreject\000550 5.7.1 No,2:Mx,1:.,' >"$T/v"
is 'run: a rejected parcel passes unread' \
  "$(parcel run sh -c 'echo X: y' <"$T/v" | parcel print)" \
  "$(parcel print <"$T/v")"

# to: a sink made of shell that answers each parcel
cat >"$T/sink" <<'X'
exec parcel print | while read -r kind rest; do
  case $kind in
  I) id=$rest ;;
  F) from=$rest ;;
  \?) echo "Q $id 250 2.0.0 Go" ;;
  .) test "$from" = die && kill 0
    test "$from" = t && echo "T 0 550 5.1.1 No"
    echo "R $id 250 2.0.0 Taken" ;;
  esac
done
X
r=$T/ready
mkfifo "$r"
unix-listen "$T/s" sh -c 'exec parcel-pool -w -n 1 -d 4 sh "$0" 4>"$1"' \
  "$T/sink" "$r" &
pool=$!
read -r _ <"$r"
to() { parcel -i "$1" -f "$2" -t b@y.test </dev/null; }
is 'to: a report' "$(to a x@y.test | parcel to "$T/s")" 'R a 250 2.0.0 Taken'
is 'to: parcel after parcel' \
  "$( (to a x@y.test; to b x@y.test; to c x@y.test) | parcel to "$T/s")" \
  'R a 250 2.0.0 Taken
R b 250 2.0.0 Taken
R c 250 2.0.0 Taken'
printf '2:Ia,2:Fx,6:T0\0a@b,1:?,1:.,' >"$T/q"
is 'to: ? is answered' "$(parcel to "$T/s" <"$T/q")" 'Q a 250 2.0.0 Go
R a 250 2.0.0 Taken'
printf '2:Ia,2:Ft,6:T0\0a@b,1:.,' >"$T/t"
is 'to: T lines pass' "$(parcel to "$T/s" <"$T/t")" 'T 0 550 5.1.1 No
R a 250 2.0.0 Taken'
printf '2:Id,4:Fdie,6:T0\0a@b,1:.,' >"$T/d"
is 'to: a sink that ends is a 451, and the next parcel goes another way' \
  "$(cat "$T/d" "$T/t" | parcel to "$T/s")" \
  'R d 451 4.3.0 The next station is away
T 0 550 5.1.1 No
R a 250 2.0.0 Taken'
kill $pool
is 'to: nobody there' "$(to a x@y.test | parcel to "$T/none" 2>/dev/null)" \
  'R a 451 4.3.0 The next station is away'
fails 'to: a parcel cut short' 111 sh -c \
  "head -c 9 '$T/t' | parcel to '$T/none'"
finish
