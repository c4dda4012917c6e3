#!/bin/sh
. tests/tap.sh

k=$T/dkim/example.org
mkdir "$T/dkim"
text() { sed 's/[^"]*"\([^"]*\)"[^"]*/\1/g' "$1" | tr -d '\n'; }
public() { openssl pkey -in "$1" -pubout -outform DER | base64 -w 0; }
longest() { grep -o '"[^"]*"' "$1" | awk '{ print length($0) - 2 }' |
  sort -n | tail -n 1; }

dkim-keygen "$k/a.key" >"$T/a.dns" 2>"$T/err"
check "RSA is the default: openssl reads and checks it" \
  openssl rsa -in "$k/a.key" -check -noout
is "it has 2048 bits" "$(openssl rsa -in "$k/a.key" -noout -text |
  sed -n 1p)" "Private-Key: (2048 bit, 2 primes)"
is "PKCS#8" "$(head -n 1 "$k/a.key")" "-----BEGIN PRIVATE KEY-----"
is "for its owner only" "$(stat -c %a "$k/a.key" "$k" | tr '\n' ' ')" "600 700 "
is "RFC 6376 3.6.1: the record has openssl's public key" "$(text "$T/a.dns")" \
  "v=DKIM1; h=sha256; k=rsa; p=$(public "$k/a.key")"
is "under its name" "$(cut -d ' ' -f 1-4 "$T/a.dns" | head -n 1)" \
  "a._domainkey.example.org. IN TXT ("
is "RFC 1035 3.3: strings of at most 255" "$(longest "$T/a.dns")" 255

dkim-keygen -b 3072 "$k/b.key" >"$T/b.dns"
is "-b 3072" "$(openssl rsa -in "$k/b.key" -check -noout)" "RSA key ok"
is "and its record" "$(text "$T/b.dns")" \
  "v=DKIM1; h=sha256; k=rsa; p=$(public "$k/b.key")"

dkim-keygen -t ed25519 "$k/e.key" >"$T/e.dns"
is "Ed25519 as openssl has it" \
  "$(openssl pkey -in "$k/e.key" -pubout -outform DER | tail -c 32 | base64)" \
  "$(text "$T/e.dns" | sed 's/v=DKIM1; k=ed25519; p=//')"

for f in a e; do
  is "-p prints the record of $f" "$(dkim-keygen -p "$k/$f.key")" \
    "$(cat "$T/$f.dns")"
done
openssl genrsa -traditional -out "$k/old.key" 1024 2>"$T/err"
is "-p reads PKCS#1 as opendkim-genkey writes it" \
  "$(dkim-keygen -p "$k/old.key" | grep -c 'k=rsa')" 1
(cd "$k" && dkim-keygen -p e.key) >"$T/rel.dns"
is "without a folder the name is relative to the zone" \
  "$(cut -d ' ' -f 1 "$T/rel.dns")" e._domainkey

cp "$k/e.key" "$T/before"
fails "never over a file that is there" 1 dkim-keygen -t ed25519 "$k/e.key"
check "which stays" cmp "$T/before" "$k/e.key"
is "nothing is left behind" "$(ls -A "$k" | tr '\n' ' ')" \
  "a.key b.key e.key old.key "
echo x >"$k/x.key"
fails "-p: a damaged key" 1 dkim-keygen -p "$k/x.key"
fails "-p: no file" 111 dkim-keygen -p "$k/none.key"
fails "no folder to make it in" 111 dkim-keygen "$T/no/x.test/a.key"
fails "a name without .key" 100 dkim-keygen "$k/a"
fails "RFC 6376 3.1: not a selector" 100 dkim-keygen "$k/a b.key"
fails "not a domain" 100 dkim-keygen "$T/dkim/a b/a.key"
fails "a domain as dkim-sign would never look for it" 100 \
  dkim-keygen "$T/dkim/EXAMPLE.org/a.key"
fails "RFC 8301 3.2: short keys" 100 dkim-keygen -b 1024 "$k/s.key"
fails "-b with Ed25519" 100 dkim-keygen -t ed25519 -b 2048 "$k/s.key"
fails "an unknown type" 100 dkim-keygen -t dsa "$k/s.key"
fails "no file name" 100 dkim-keygen
dkim-keygen -t ed25519 -o "$(id -u):$(id -g)" "$T/dkim/o.test/o.key" >"$T/o.dns"
is "-o gives file and folder to their owner" \
  "$(stat -c %u "$T/dkim/o.test/o.key" "$T/dkim/o.test" | sort -u)" "$(id -u)"
if [ "$(id -u)" -eq 0 ]; then
  mkdir "$T/shared" && chgrp 65534 "$T/shared" && chmod 750 "$T/shared"
  for f in g h; do dkim-keygen -t ed25519 "$T/shared/g.test/$f.key" >"$T/g.dns"
  done
  is "what root makes in a group's folder is for that group, too" \
    "$(cd "$T/shared" && stat -c '%a %u:%g %n' g.test g.test/*)" \
    "750 0:65534 g.test
640 0:65534 g.test/g.key
640 0:65534 g.test/h.key"
fi
finish
