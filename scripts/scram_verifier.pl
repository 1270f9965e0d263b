#!/usr/bin/perl
# Print the SCRAM-SHA-256 verifier (RFC 5802, section 3; RFC 7677) of the password in the environment
# variable PASSWORD, as PostgreSQL stores it. A server that is told the verifier never sees the
# password, and nor do its log and its statistics. Perl, because Sqitch brings it along.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64 qw(encode_base64);

my $iterations = 4096;
my $password   = $ENV{PASSWORD} // '';

# SASLprep (RFC 4013) leaves these characters as they are; others it may change.
die "a password has 1 or more printable ASCII characters, and no others\n"
    unless $password =~ /\A[ -~]+\z/;

open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
read($random, my $salt, 16) == 16 or die "/dev/urandom: too short\n";

# PBKDF2 (RFC 8018, section 5.2) with one block.
my $last   = hmac_sha256($salt . pack('N', 1), $password);
my $salted = $last;
for (2 .. $iterations) {
    $last = hmac_sha256($last, $password);
    $salted ^= $last;
}
my $stored = sha256(hmac_sha256('Client Key', $salted));
my $server = hmac_sha256('Server Key', $salted);

printf "SCRAM-SHA-256\$%d:%s\$%s:%s\n", $iterations,
    map { encode_base64($_, '') } $salt, $stored, $server;
