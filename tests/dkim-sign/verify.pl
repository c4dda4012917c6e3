# usage: perl verify.pl KEYDIR FILE…: what Mail::DKIM says of every signature
# of every file, whatever the domain: the key records are KEYDIR/SELECTOR.dns.
# Prints "FILE RESULT RESULT …".
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Net::DNS;

my $keys = shift;

sub record {
    my ($selector) = @_;
    open my $f, '<', "$keys/$selector.dns" or return;
    local $/;
    return join '', <$f> =~ /"([^"]*)"/g;
}

{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name, $type) = @_;
        my ($selector) = $name =~ /^(.*)\._domainkey\./;
        my $text = record($selector) or return;
        return Net::DNS::RR->new(
            owner => $name, type => 'TXT', txtdata => [$text]);
    };
}

for my $file (@ARGV) {
    my $v = Mail::DKIM::Verifier->new;
    open my $f, '<:raw', $file or die "$file: $!";
    while (read $f, my $buf, 65536) { $v->PRINT($buf) }
    $v->CLOSE;
    print join(' ', $file, map { (my $r = $_->result_detail) =~ tr/ /_/; $r }
        $v->signatures), "\n";
}
