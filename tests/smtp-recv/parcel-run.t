#!/bin/sh
# parcel run: stages, meanings of exit codes, what a command is told
. tests/tap.sh

mk() { # PARCEL: the facts of one with two recipients, one by an alias
  printf '2:Ia,13:Pip=192.0.2.1,8:Pid=tid1,'
  printf '9:Fa@x.test,25:T0\0b@y.test\0rcpt=l@y.test,11:T1\0c@y.test,'
  printf '14:MSubject: hi\r\n,3:M\r\n,1:.,'
}
mk >"$T/p"
run() { parcel run "$@" <"$T/p" 2>"$T/err" | parcel print | grep -n '^[HV]'; }
none='V reject\0550 5.7.1 Refused by local policy'
is 'connect: the verdict stands behind the facts' \
  "$(run -s connect sh -c 'test $PARCEL_IP = 192.0.2.1 && exit 100')" "4:$none"
is 'connect: there is no sender yet, and nothing to read' \
  "$(run -s connect sh -c 'cat; test "${SENDER+x}" || exit 99')" \
  '4:V junk\0250 2.0.0 Junk'
is 'sender: the verdict stands behind F' \
  "$(run -s sender sh -c 'test "$SENDER" = a@x.test && exit 100')" "5:$none"
is 'rcpt: a verdict on one recipient, as RCPT named it' \
  "$(run -s rcpt sh -c 'test "$RECIPIENT" = l@y.test && exit 100; exit 0')" \
  "6:$none"'\00'
is 'rcpt: on the other' \
  "$(run -s rcpt sh -c 'test "$RECIPIENT" = c@y.test && exit 111; exit 0')" \
  '7:V defer\0451 4.7.1 Cannot be judged now\01'
is 'rcpt: fields of each wait for the message' \
  "$(run -s rcpt sh -c 'echo "X-R: $RECIPIENT"')" \
  '7:H X-R: l@y.test\r\n
8:H X-R: c@y.test\r\n'
is 'body: all recipients' \
  "$(run sh -c 'cat >/dev/null; echo "X:" $RECIPIENTS')" \
  '9:H X: l@y.test c@y.test\r\n'
is 'maddy: 1 rejects, 2 is junk' \
  "$(run -x 1=reject -x 2=junk sh -c 'exit 1')
$(run -x 1=reject -x 2=junk sh -c 'exit 2')" \
  "9:$none"'
9:V junk\0250 2.0.0 Junk'
is 'a reply of the admin' \
  "$(run -x '3=reject,554 5.7.0 Go away' sh -c 'exit 3')" \
  '9:V reject\0554 5.7.0 Go away'
is 'every other code' "$(run -x else=ignore sh -c 'echo X: y; exit 7')" \
  '9:H X: y\r\n'
is 'a signal is no exit code' "$(run -x else=junk sh -c 'kill -9 $$')" \
  '9:V junk\0250 2.0.0 Junk'
is 'a command that is not there' "$(run -x else=reject /no/such)" "9:$none"
is 'output that is no header defers, and none of it is kept' \
  "$(run sh -c 'echo X: y; echo oops')" \
  '9:V defer\0451 4.7.1 Cannot be judged now'
like() { case $2 in *"$3"*) result good "$1" ;; *) result bad "$1" ;; esac; }
like '  and the log says why' "$(cat "$T/err")" 'wrote what is no header field'
like '  and whose verdict it is' "$(cat "$T/err")" 'run=sh code=-1: defer'
is 'a parcel after one whose command was killed' \
  "$(cat "$T/p" "$T/p" | parcel run -t 1 sh -c 'sleep 60' 2>/dev/null |
    parcel print | grep -c '^V defer')" 2
for bad in 'x=reject' '1' '256=junk' '1=drop' '1=reject,250 ok' \
  '1=defer,550 5.7.1 no' '-1=junk'; do
  fails "-x $bad" 100 parcel run -x "$bad" true
done
fails '-s nowhere' 100 parcel run -s data true
fails 'no command' 100 parcel run -s body
finish
