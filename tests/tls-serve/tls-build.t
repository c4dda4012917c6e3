#!/bin/sh
. tests/tap.sh
# a process that is not dumpable cannot be looked through for leaks
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"
cd "$T" || exit 1
pair() { # FOLDER SUBJECT SAN OPENSSL-OPTIONS…
  mkdir -p "tls/$1"; f=$1 s=$2 a=$3; shift 3
  openssl req -x509 -nodes -days 30 -subj "/CN=$s" ${a:+-addext \
    "subjectAltName=$a"} "$@" -keyout "tls/$f/privkey.pem" \
    -out "tls/$f/fullchain.pem" 2>/dev/null
}
ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256'
names() { # the keys of the table, as text
  tls-build tls >in && cdb -c -m -t tmp t.cdb /dev/null && cdb -c -t tmp t.cdb in &&
    cdb -d t.cdb | LC_ALL=C sed -n 's/^+[0-9]*,[0-9]*:\([nd][^>]*\)->\(.*\)/\1 \2/p'
}

mkdir tls
is 'no certificates: an empty table' "$(tls-build tls 2>/dev/null | od -An -c | tr -d ' ')" '\n'
pair mx.a.test Mx.A.test 'DNS:MX.a.test,DNS:*.b.test,IP:127.0.0.1,DNS:bad name' $ec
is 'names of the certificate and of the folder, lower case' "$(names)" \
  'nmx.a.test mx.a.test
n*.b.test mx.a.test
d mx.a.test'
pair old cn.test '' $ec
is 'the common name counts where there is no other (RFC 6125 6.4.4)' \
  "$(names | grep old)" 'nold old
ncn.test old'
rm -r tls/old
pair rsa mx.a.test DNS:mx.a.test -newkey rsa:2048
is 'two kinds of key for one name; the folder of that name first' \
  "$(names | grep '^nmx\|^d')" 'nmx.a.test mx.a.test
nmx.a.test rsa
d mx.a.test
d rsa'
mv tls/rsa tls/default
is 'the folder "default" is what others get' "$(names | grep '^d')" \
  'd default
d mx.a.test'
rm -r tls/default

openssl ec -in tls/mx.a.test/privkey.pem -out sec1 2>/dev/null
cp tls/mx.a.test/privkey.pem pkcs8
{ openssl ecparam -name prime256v1; cat sec1; } >tls/mx.a.test/privkey.pem
check 'SEC 1 keys, with parameters before them' tls-build tls
pair r r.test '' -newkey rsa:2048
openssl rsa -in tls/r/privkey.pem -traditional -out pkcs1 2>/dev/null
mv pkcs1 tls/r/privkey.pem
check 'PKCS #1 keys' tls-build tls
openssl rsa -in tls/r/privkey.pem -aes128 -passout pass:secret -out crypt 2>/dev/null
openssl pkcs8 -topk8 -in tls/r/privkey.pem -passout pass:secret -out crypt 2>/dev/null
mv crypt tls/r/privkey.pem
fails 'a key with a passphrase' 102 tls-build tls
is 'and the remedy' "$(tls-build tls 2>&1 | grep -c 'openssl pkey')" 1
cp pkcs8 tls/r/privkey.pem
fails 'a key of another certificate' 102 tls-build tls
echo >tls/r/privkey.pem
fails 'no key' 102 tls-build tls
rm tls/r/privkey.pem
fails 'no file' 111 tls-build tls
rm -r tls/r
pair e e.test '' -newkey ed25519
fails 'a kind of key that TLS 1.2 in BearSSL has not' 102 tls-build tls
rm -r tls/e
cp tls/mx.a.test/fullchain.pem c
echo '-----BEGIN CERTIFICATE-----' >>tls/mx.a.test/fullchain.pem
fails 'a certificate that breaks off' 111 tls-build tls
printf '%s\n' '-----BEGIN CERTIFICATE-----' MAMCAQE= \
  '-----END CERTIFICATE-----' >tls/mx.a.test/fullchain.pem
fails 'a certificate that is none' 102 tls-build tls
i=0; while [ $i -lt 12 ]; do cat c; i=$((i + 1)); done >tls/mx.a.test/fullchain.pem
fails 'too long a chain' 111 tls-build tls
fails 'no folder' 111 tls-build nowhere
fails usage 100 tls-build
fails usage 100 tls-build -x tls

tls-build -t c >in && cdb -c -t tmp trust.cdb in
is '-t: a certificate under its subject' "$(cdb -s trust.cdb | sed -n 1p)" \
  'number of records: 1'
check '-t: all authorities of this system' sh -c '
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] ||
  { tls-build -t /etc/ssl/certs/ca-certificates.crt >in && cdb -c -t tmp t.cdb in; }'
finish
