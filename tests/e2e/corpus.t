#!/usr/bin/python3
"""Real messages: each goes into DATA or BDAT and comes out of IMAP BODY[] byte
for byte below the trace fields."""
import sys

sys.path[:0] = ["tests", "tests/e2e"]
import corpus
import instance
import tap

messages = corpus.corpus()
tap.ok(len(messages) >= 1000, f"{len(messages)} messages are at least 1000")
server = instance.local("real.test")
server.account("u@real.test", "secret")
server.make()
server.up()

smtp = corpus.Smtp(server.port["SMTP"])
accepted = corpus.send(messages, smtp, b"u@real.test")
tap.same(len(accepted), len(messages), "all are accepted")
bodies = corpus.fetch(server.port["IMAPS"], "u@real.test")
tap.same(len(bodies), len(accepted), "all are there")
wrong = corpus.missing(accepted, bodies)
tap.ok(not wrong, "every message comes out as it went in", wrong[:20])
tap.same(sum(size != len(body) for body, size in bodies), 0,
         "RFC 3501 6.4.5: RFC822.SIZE is the size of BODY[]")
heads = [body[:corpus.below_trace(body)] for body, _ in bodies]
tap.same(sum(h.startswith(b"Return-Path: <>\r\n") for h in heads), len(heads),
         "RFC 5321 4.4: Return-Path is on top of each")
tap.same(sum(b"\nReceived: " in h for h in heads), len(heads),
         "RFC 5321 4.4: each has our Received above it")
tap.same(server.down(), {}, "a clean stop")
tap.finish()
