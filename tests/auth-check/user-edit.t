#!/bin/sh
. tests/tap.sh
# a process that is not dumpable cannot be looked through for leaks
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"
E=$T/etc V=$T/var
mkdir -p "$E/env" "$V/tables"
cp package/tables/* "$E/"
echo "$V" >"$E/env/ROHRPOST_VAR"
printf '%s\n' '# ours' a.test 'b.test delimiter=+' >"$E/domains"
: >"$E/users"
ue() { user-edit -u "$V/users" -e "$E" "$@"; }
put() { # LINE CMD…: with that line on stdin
  line=$1; shift; printf '%s\n' "$line" | "$@"; }
login() { # ADDRESS PASSWORD: what auth-check says
  r=$(printf '\0%s\0%s' "$1" "$2" | base64 -w0)
  { printf 'VERSION\t1\t1\nCPID\t1\nAUTH\t1\tPLAIN\tresp=%s\n' "$r"
    while [ ! -e "$T/said" ]; do sleep 0.01; done
  } | auth-check -D 1 -f "$V/tables/users.cdb" 2>/dev/null | {
    while read -r word rest; do
      case $word in OK|FAIL) echo "$word"; : >"$T/said";; esac
    done; }
  rm -f "$T/said"
}

check 'add' put secret ue add user1@a.test
is 'Argon2id, 19 MiB, two passes' \
  "$(sed 's/\(.*p=1\).*/\1/' "$V/users")" \
  'user1@a.test:$argon2id$v=19$m=19456,t=2,p=1'
is 'mode 600' "$(stat -c %a "$V/users")" 600
is 'the account works at once' "$(login user1@a.test secret)" OK
is 'with its own password' "$(login user1@a.test Secret)" FAIL
fails 'no account twice, in whatever case' 1 put x ue add USER1@A.test
fails 'no domain that is not ours' 1 put x ue add u@c.test
is 'and the remedy' "$(put x ue add u@c.test 2>&1 | grep -c 'add a line "c.test"')" 1
fails 'no empty password' 1 put '' ue add u@a.test
fails 'no password at all' 1 sh -c 'user-edit -u "$1" -e "$2" add u@a.test </dev/null' x "$V/users" "$E"
fails 'no password that nobody could send' 1 put "$(printf %02000d 1)" ue add u@a.test
for a in u u@ @a.test 'u v@a.test' 'u@a..test' '' '#u@a.test' "$(printf 'u\n@a.test')"; do
  fails "not an address: $(printf %s "$a" | tr "\n" ?)" 100 put x ue add "$a"
done
check 'an account with a + of its own' put x ue add u+v@a.test
check 'in a domain with options' put x ue add u@b.test
is 'list' "$(ue list)" 'user1@a.test
u+v@a.test
u@b.test'
cp "$V/users" "$T/before"
check 'passwd' put other ue passwd User1@a.test
is 'the new one' "$(login user1@a.test other)" OK
is 'not the old one' "$(login user1@a.test secret)" FAIL
is 'other lines are as they were' "$(tail -n 2 "$V/users")" "$(tail -n 2 "$T/before")"
fails 'passwd of nobody' 1 put x ue passwd no@a.test
check 'remove' ue remove u@b.test
fails 'twice' 1 ue remove u@b.test
is 'is gone' "$(login u@b.test x)" FAIL

h=$(openssl passwd -6 -salt abcdefgh hashed)
check '-H takes a hash' put "$h" ue -H add h@a.test
is 'and its password counts' "$(login h@a.test hashed)" OK
for h in hashed '*' '$1$abcdefgh$aaaaaaaaaaaaaaaaaaaaaa' 'abJnggxhB/yWI' '$6$a:b$aaaaaaaaaaaaaaaaaaaaaaa'; do
  fails "-H: not $h" 1 put "$h" ue -H add h2@a.test
done
check 'other costs' put x ue -m 8192 -t 3 add cost@a.test
is 'are in the hash' "$(grep -c 'cost@a.test:$argon2id$v=19$m=8192,t=3,p=1' "$V/users")" 1

# what the administrator declares is not ours to change
printf '%s\n' "d@a.test:$(openssl passwd -6 x)" >"$E/users"
fails 'declared elsewhere' 1 ue remove d@a.test
fails 'declared elsewhere: add' 1 put x ue add D@a.test
is 'list shows both' "$(ue list | sed -n 1p)" d@a.test

# comments and blanks stay; a missing last line end does no harm
printf '# mine\n\nold@a.test:%s' "$(openssl passwd -6 x)" >"$V/users"
chmod 640 "$V/users"
check 'a file by hand' put x ue add new@a.test
is 'is kept' "$(cut -d: -f1 "$V/users")" '# mine

old@a.test
new@a.test'
is 'with its mode' "$(stat -c %a "$V/users")" 640

# at the same time
i=0
while [ $i -lt 8 ]; do
  put x user-edit -m 8 -t 1 -u "$V/users" -e "$E" add p$i@a.test & i=$((i + 1))
done
wait
is 'eight at once lose nothing' "$(ue list | grep -c '^p')" 8
is 'no temporary file stays' "$(ls "$V" | tr '\n' ' ')" 'tables users users.lock '

# a terminal
cat >"$T/terminal.py" <<'PY'
import os, pty, sys, termios
answers, argv = sys.argv[1].split(","), sys.argv[2:]
pid, fd = pty.fork()
if not pid:
    os.execvp(argv[0], argv)
out = b""
for n, a in enumerate(answers, 1):
    while out.count(b": ") < n:
        out += os.read(fd, 100)
    while termios.tcgetattr(fd)[3] & termios.ECHO:
        pass
    os.write(fd, a.encode() + b"\n")
while True:
    try:
        b = os.read(fd, 1000)
    except OSError:
        break
    if not b:
        break
    out += b
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(code, "shown" if any(a.encode() in out for a in answers) else "hidden")
PY
is 'a terminal is asked twice, without echo' \
  "$(python3 "$T/terminal.py" geheim,geheim user-edit -u "$V/users" -e "$E" add tty@a.test)" '0 hidden'
is 'that is the password' "$(login tty@a.test geheim)" OK
is 'two that differ change nothing' \
  "$(python3 "$T/terminal.py" geheim,anders user-edit -u "$V/users" -e "$E" passwd tty@a.test)" '1 hidden'
is 'it is as before' "$(login tty@a.test geheim)" OK

# when something is wrong
echo 'not a user line' >>"$E/aliases"
fails 'tables that cannot be built' 111 put x ue passwd tty@a.test
fails 'no such folder' 111 put x user-edit -u "$T/no/users" -e "$E" passwd tty@a.test
for args in '' add 'add a b' 'list x y' '-x list' 'frob u@a.test' '-m 1 list'; do
  fails "usage: $args" 100 ue $args
done
finish
