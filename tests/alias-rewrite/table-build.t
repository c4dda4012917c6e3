#!/bin/sh
# table-build: what the text tables become, and what they may not say.
. tests/tap.sh

put() { # FILE LINE…
  f=$T/$1; shift
  printf '%s\n' "$@" >"$f"
}
mail() {
  (cd "$T" && table-build mail -m /m -d domains -c accounts -a aliases users)
}
clean() {
  put domains a.test b.test
  put accounts ''
  put aliases ''
  put users 'carol@a.test:$6$x'
}
bad() { # NAME FILE LINE WHY LINES…
  name=$1 file=$2 line=$3 why=$4; shift 4
  clean
  put "$file" "$@"
  got=$(mail 2>&1 >"$T/out"; echo $?)
  want="table-build: fatal: $file:$line: $why
1"
  is "$name" "$got" "$want"
  [ ! -s "$T/out" ] || result bad "$name: prints nothing"
}

clean
put domains '# ours' '' 'B.test' 'bücher.test  delimiter=-' 'a.test # the last'
put accounts 'Erin@a.test /srv/erin quota=2K' 'dave@b.test messages=7 quota=3' \
  'x@b.test'
put aliases 'info: carol@a.test, Far@X.test' '@b.test: erin@a.test' \
  'sales@a.test:' '	carol@a.test,' '  # and' '	erin' '"a b": "c d"@x.test'
put users 'carol@a.test:$6$x' 'erin@a.test:$y$z' 'x@B.test:*' '"a/b"@a.test:$6$'
is 'mail.cdb(5): every kind of line' "$(mail | tr '\0' '%')" '+1,6:D->b.test
+7,0:da.test->
+7,0:db.test->
+19,12:dxn--bcher-kva.test->delimiter=-%
+11,16:ua/b@a.test->/m/a.test/a%2Fb%
+13,16:ucarol@a.test->/m/a.test/carol%
+12,34:udave@b.test->/m/b.test/dave%messages=7%quota=3%
+12,21:uerin@a.test->/srv/erin%quota=2048%
+9,12:ux@b.test->/m/b.test/x%
+7,12:a"a b"@->"c d"@x.test
+8,11:a@b.test->erin@a.test
+6,23:ainfo@->carol@a.test%Far@x.test
+13,17:asales@a.test->carol@a.test%erin'
clean
put users '"../../x"@a.test:$6$x' '".hid"@a.test:$6$x' '"a%2Fb"@a.test:$6$x'
is 'no account leaves the mail directory' \
  "$(mail | sed -n 's/.*->\(.*\)/\1/p' | tr -d '\0' | grep /m)" \
  '/m/a.test/%2E.%2F..%2Fx
/m/a.test/%2Ehid
/m/a.test/a%252fb'
clean
is 'cdb takes the output' "$(mail | cdb -c "$T/x.cdb" - &&
  cdb -q "$T/x.cdb" ucarol@a.test | tr '\0' '%')" /m/a.test/carol%
is 'users.cdb: name and hash' "$(put users 'Carol@A.test:$6$x' '# x' \
  'off@a.test:*' 'x@b:!$6$y'; table-build users "$T/users")" \
  '+12,4:carol@a.test->$6$x'
is 'several files of users' "$(put more 'dave@a.test:$5$y'
  table-build users "$T/users" "$T/more")" \
  '+12,4:carol@a.test->$6$x
+11,4:dave@a.test->$5$y'
is 'all kinds of hashes' "$(put users 'a@b:$argon2id$v=19$m=65536,t=2,p=1$c$d' \
  'b@b:$2b$10$x' 'c@b:$y$j9T$x' 'd@b:$6$x' 'e@b:$5$x' \
  '"x:y"@b:$6$x' 'z@[IPv6:::1]:$6$x'
  table-build users "$T/users" | grep -c .)" 7
is 'no input, an empty table' "$(table-build mail)" ''
is 'CRLF lines' "$(printf 'a.test\r\n' >"$T/domains"
  table-build mail -d "$T/domains")" '+1,6:D->a.test
+7,0:da.test->'
is 'a last line without an end' "$(printf 'a.test' >"$T/domains"
  table-build mail -d "$T/domains" | tail -2)" '+7,0:da.test->'

bad 'a bad domain' domains 2 'not a domain: a..b' a.test a..b
bad 'a domain twice' domains 3 'a.test is already in domains:1' a.test b.test A.test
bad 'an unknown option' domains 1 'unknown option: x=1' 'a.test x=1'
bad '@ in a delimiter' domains 1 \
  'not characters that can begin a tag: delimiter=@' 'a.test delimiter=@'
bad 'a control character' aliases 2 'control character' 'a: b' "$(printf 'a\033')"
bad 'not UTF-8' users 1 'not UTF-8' "$(printf 'a\374@a.test:$6$x')"
bad 'continues nothing' aliases 1 \
  'continues nothing: an entry begins in column 1' ' x: y'
bad 'an account elsewhere' users 1 'not in one of our domains: x@c.test' \
  'x@c.test:$6$x'
bad 'not an account' users 2 'not an address: x' 'y@a.test:$6$x' 'x:$6$x'
bad 'a secret is not shown' users 1 'not ADDRESS:HASH' 'x@a.test secret'
bad 'a clear password' users 1 'not a password hash of a known kind' \
  'x@a.test:secret'
bad 'a hash and more' users 1 'not a password hash of a known kind' \
  'x@a.test:$6$x:y'
bad 'an account twice' users 2 'x@a.test is already in users:1' \
  'x@a.test:$6$x' 'X@A.test:$6$y'
bad 'a relative directory' accounts 1 'not an absolute directory: x' \
  'x@a.test x'
bad 'more than a directory' accounts 1 'unknown option: y' 'x@a.test /x y'
for q in 0 K 1k 1KB -1 999999999999999999999 2000000000G; do
  bad "accounts(5): quota=$q" accounts 1 "not a quota: quota=$q" \
    "x@a.test quota=$q"
done
bad 'messages have no unit' accounts 1 'not a number of messages: messages=1K' \
  'x@a.test messages=1K'
for r in '' 5 5/ /5 5/0 x/1 -1/5 5/1d 99999999999999/1; do
  bad "accounts(5): send-first=$r" accounts 1 "not a rate: send-first=$r" \
    "x@a.test send-first=$r"
done
for p in '' sort ./sort '|/bin/x'; do
  bad "accounts(5): program=$p" accounts 1 \
    "not an absolute program: program=$p" "x@a.test program=$p -x"
done
words=$(printf ' %s' $(seq 32))
bad 'a program of too many words' accounts 1 'too long a command at: 32' \
  "x@a.test program=/x$words"
bad 'a program of too many bytes' accounts 1 'too long a command at: y' \
  "x@a.test program=/$(printf '%0990d' 0) y"
clean
put accounts 'x@a.test messages=1 program=/x -a  quota=2  "b c" # not this'
is 'program= is the rest of the line, its words with one blank between' \
  "$(mail | grep -a '^+.*ux@' | tr '\0' '%')" \
  '+9,51:ux@a.test->/m/a.test/x%messages=1%program=/x -a quota=2 "b c"%'
clean
put accounts 'x@a.test send-messages=9/60 send-recipients=0/1 send-first=1/2'
is 'rates of an account' "$(mail | grep -a '^+.*ux@' | tr '\0' '%')" \
  '+9,66:ux@a.test->/m/a.test/x%send-messages=9/60%send-recipients=0/1%'\
'send-first=1/2%'
bad 'an account without a domain' accounts 1 'not an address: x' 'x /x'
bad 'no colon' aliases 1 'not ADDRESS: TARGET, …: x y' 'x y'
bad 'no target' aliases 1 'no target' 'x: , ,'
bad 'a bad target' aliases 3 'not an address: a b' 'x: y' '' 'y: a b'
bad 'a program is no target' aliases 1 \
  'programs and files are no targets: |/bin/x' 'x: |/bin/x'
bad 'a file is no target' aliases 1 \
  'programs and files are no targets: /var/mail/x' 'x: y, /var/mail/x'
bad 'a bad target in a continuation' aliases 1 'not an address: <a@b>' \
  'x: y,' '  <a@b>'
bad 'an alias elsewhere' aliases 1 'not in one of our domains: x@c.test' \
  'x@c.test: y'
bad 'a catch-all elsewhere' aliases 1 'not one of our domains: @c.test' \
  '@c.test: y'
bad 'an alias twice' aliases 3 'x@ is already in aliases:1' 'x: y' 'z: y' 'X: z'
fails 'a file that is not there' 111 table-build mail -d "$T/none"
fails 'wrong usage' 100 table-build
fails 'wrong mode' 100 table-build x
fails 'users without a file' 100 table-build users
fails 'a relative mailroot' 100 table-build mail -m x
clean
fails 'a full disk is exit 111' 111 sh -c \
  "cd $T && exec table-build mail -d domains users >/dev/full"

# The manuals say what the code does.
default() { # FILE NAME: the string that a #define has
  sed -n "s/^#define $2 *\"\(.*\)\".*/\1/p" "$1"
}
check 'the manual has the default of -m' grep -qF \
  "$(default alias-rewrite/table-build.c MAILROOT)" alias-rewrite/table-build.8
check 'domains(5) has the default delimiter' grep -qF \
  ".Cm $(default lib/route-find.c DELIMITER) " alias-rewrite/domains.5
for limit in ROUTE_DEPTH ROUTE_TARGETS; do
  value=$(grep "^#define $limit " lib/route.h | tr -dc 0-9)
  check "alias-rewrite(8) has $limit" \
    grep -qE "more than $value |has more than $value" alias-rewrite/alias-rewrite.8
  check "aliases(5) has $limit" grep -qw "$value" alias-rewrite/aliases.5
done
check 'mail.cdb(5) has ADDR_MAX' grep -q \
  "at most $(grep '^#define ADDR_MAX ' lib/addr.h | grep -o '[0-9]\+') bytes" \
  alias-rewrite/mail.cdb.5

# The Makefile of /etc/rohrpost
mkdir -p "$T/etc/env" "$T/var/tables"
cp package/tables/* "$T/etc/"
echo "$T/var" >"$T/etc/env/ROHRPOST_VAR"
tables() { make -s -C "$T/etc" "$@"; }
inode() { stat -c %i "$T/var/tables/$1"; }
touch -d '1 hour ago' "$T/etc/"*
check 'make with the sample tables' tables
check 'it makes mail.cdb' test -s "$T/var/tables/mail.cdb"
is 'users.cdb is for its group alone' \
  "$(stat -c %a "$T/var/tables/users.cdb")" 640
is 'mail.cdb is for all' "$(stat -c %a "$T/var/tables/mail.cdb")" 644
before=$(inode mail.cdb)
tables
is 'nothing changed, nothing built' "$(inode mail.cdb)" "$before"
echo a.test >>"$T/etc/domains"
check 'make after a change' tables
is 'the change is in it' "$(cdb -q "$T/var/tables/mail.cdb" D)" a.test
before=$(inode mail.cdb)
echo 'x y' >>"$T/etc/aliases"
fails 'a bad line fails' 2 tables
is 'and leaves the table as it was' "$(inode mail.cdb)" "$before"
is 'and nothing half built' "$(ls -A "$T/var/tables" | tr '\n' ' ')" \
  '.lock mail.cdb policies.cdb srs.cdb trust.cdb users.cdb '
sed -i '$d' "$T/etc/aliases"
echo 'carol@a.test:$6$x' >"$T/var/users"
check 'users of user-edit' tables
is 'are accounts' "$(cdb -q "$T/var/tables/mail.cdb" ucarol@a.test |
  tr -d '\0')" "$T/var/mail/a.test/carol"
is 'and have secrets' "$(cdb -q "$T/var/tables/users.cdb" carol@a.test)" '$6$x'
i=0
while [ $i -lt 12 ]; do
  echo "u$i@a.test:\$6\$x" >>"$T/var/users"
  tables &
  i=$((i + 1))
done
wait
check 'make after many at once' tables
is 'SRS secrets are for their owner and group' \
  "$(stat -c %a "$T/var/tables/srs.cdb" "$T/etc/srs" | tr '\n' ' ')" '440 600 '
secret=$(cat "$T/etc/srs")
check 'make again' tables
is 'the secret that is there stays' "$(cat "$T/etc/srs")" "$secret"
: >"$T/etc/srs"
check 'an empty file of secrets' tables
fails 'turns SRS off' 1 test -e "$T/var/tables/srs.cdb"
echo "$secret" >"$T/etc/srs"
check 'and on again' tables
is 'makes at once: the last state wins' "$(cdb -l "$T/var/tables/users.cdb" |
  grep -c :u)" 12
is 'and leave nothing behind' "$(ls -A "$T/var/tables" | tr '\n' ' ')" \
  '.lock mail.cdb policies.cdb srs.cdb trust.cdb users.cdb '

# Certificates for single servers
mkdir -p "$T/etc/tls-out/bank"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x \
  -keyout "$T/key.pem" -out "$T/etc/tls-out/bank/ca.pem" 2>/dev/null
check 'authorities of a route' tables
is 'may not be read by all, for keys are beside them' \
  "$(stat -c %a "$T/var/tables/tls-out.cdb")" 640
rm -r "$T/etc/tls-out"
check 'without them' tables
fails 'there is no table' 1 test -e "$T/var/tables/tls-out.cdb"

# Logins at relays
echo 'isp: u:secret' >"$T/etc/relays"
chmod 644 "$T/etc/relays"
fails 'passwords that all may read' 2 tables
fails 'are no table' 1 test -e "$T/var/tables/relays.cdb"
chmod 600 "$T/etc/relays"
check 'passwords of relays' tables
is 'are for their group alone' \
  "$(stat -c %a "$T/var/tables/relays.cdb")" 640
rm "$T/etc/relays"
check 'and without them' tables
fails 'there is none' 1 test -e "$T/var/tables/relays.cdb"

# Policies of destinations
policies() {
  printf '%s\n' "$@" >"$T/policies"
  (cd "$T" && table-build policies policies)
}
is 'policies(5): every kind of line' "$(policies \
  'B.test: tls=none' '.b.test: mx=dnssec,' ' sts=no # why' \
  'bücher.test: name=a.test name=b.test' '[IPv6]: x' 2>&1)" \
  'table-build: fatal: policies:5: not a domain, .domain, [address] or *: [IPv6]'
is 'as a table' "$(policies 'B.test: tls=none' '.b.test: mx=dnssec,' \
  ' sts=no # why' 'bücher.test: name=a.test name=b.test' \
  '[2001:DB8::01]: tls=encrypted' '*: tls=authenticated')" '+1,18:*-> tls=authenticated
+7,18:.b.test-> mx=dnssec, sts=no
+13,14:[2001:db8::1]-> tls=encrypted
+6,9:b.test-> tls=none
+18,24:xn--bcher-kva.test-> name=a.test name=b.test'
hash=0123456789012345678901234567890123456789012345678901234567890123
for words in tls=1 mx=sts name= name=a/b 'pin=sha256:ab' "pin=sha1:$hash" \
  "name=a.test pin=sha256:$hash" "pin=sha256:$hash name=a.test" dane tls; do
  is "policies(5): not words: $words" "$(policies "x.test: $words" 2>&1)" \
    "table-build: fatal: policies:1: not words of a policy:  $words"
done
is 'policies(5): a destination twice' \
  "$(policies 'b.test: tls=none' 'B.TEST: mx=none' 2>&1 | cut -c-40)" \
  'table-build: fatal: policies:2: b.test i'
is 'policies(5): no word' "$(policies 'b.test' 2>&1)" \
  'table-build: fatal: policies:1: not DOMAIN: WORD, …'
finish
