"""SRS addresses as lib/srs.h describes them, made without lib/srs."""
import base64
import hashlib
import hmac
import time

DIGITS = 'abcdefghijklmnopqrstuvwxyz234567'


def stamp(days_ago=0):
    day = (int(time.time()) // 86400 - days_ago) % 1024
    return DIGITS[day >> 5] + DIGITS[day & 31]


def _address(secret, kind, text, domain):
    mac = hmac.new(secret.encode(), (kind + text.lower()).encode(),
                   hashlib.sha256).digest()[:5]
    code = base64.b32encode(mac).decode().lower()
    return f'SRS{kind}={code}={text}@{domain}'


def srs0(secret, sender, domain, days_ago=0):
    local, at = sender.rsplit('@', 1)
    return _address(secret, '0', f'{stamp(days_ago)}={at}={local}', domain)


def srs1(secret, host, rest, domain):
    """Of SRS0 and rest, with its separator, at host"""
    return _address(secret, '1', f'{host}={rest}', domain)
