# usage: perl sign.pl KEY CANON FILE: the message with Mail::DKIM's signature
# (example.org, selector rsa) on top.
use strict;
use warnings;
use Mail::DKIM::Signer;
use Mail::DKIM::PrivateKey;

my ($key, $canon, $file) = @ARGV;
my $s = Mail::DKIM::Signer->new(
    Algorithm => 'rsa-sha256', Method => $canon, Domain => 'example.org',
    Selector => 'rsa', Key => Mail::DKIM::PrivateKey->load(File => $key));
open my $f, '<:raw', $file or die "$file: $!";
local $/;
my $message = <$f>;
$s->PRINT($message);
$s->CLOSE;
binmode STDOUT;
print $s->signature->as_string, "\r\n", $message;
