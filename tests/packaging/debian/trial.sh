# Run in a root by tests.packaging.deb: the package's whole life on a machine, with a node that counts between.
export DEBIAN_FRONTEND=noninteractive
step() { echo "  $(dpkg --print-architecture): $1"; }
says() { dpkg-query --show --showformat='${Version} ${db:Status-Abbrev}' plumbline-node; }
sums() { sha256sum /etc/plumbline/* /var/lib/plumbline/outbox.db; }
tidy() { ! find /usr/lib/plumbline-node /usr/bin/plumbline /lib/systemd/system/plumbline-edge.service \
    /lib/udev/rules.d/60-plumbline.rules /usr/lib/sysusers.d/plumbline-node.conf 2>/dev/null | grep .; }

step "installed: $(dpkg -i /given/old.deb >/given/dpkg.log 2>&1 || cat /given/dpkg.log; says), $(plumbline --version)"
id plumbline >/dev/null
test -e /etc/systemd/system/multi-user.target.wants/plumbline-edge.service
test "$(stat -c '%a %U %G' /etc/plumbline)" = "750 root plumbline"
systemd-analyze verify --man=no plumbline-edge.service
test -n "$(find /usr/lib/plumbline-node -name 'node.cpython-*.pyc')"
! /usr/lib/plumbline-node/bin/python3 -c 'import textual' 2>/dev/null
! /usr/lib/plumbline-node/bin/python3 -c 'import matplotlib' 2>/dev/null
step "holds $(du -sm /usr/lib/plumbline-node | cut -f1) MB, with its bytecode"

plumbline update 2>&1 | grep -q "Debian's package plumbline-node"
cd /tmp
plumbline simulate --exercise rdl --reps 3 --seed 4 --out rec.csv --station-out rack.toml
plumbline analyze rec.csv --station rack.toml --exercise rdl | grep -q '^set 1: 3 reps'
step "counts a recording's three reps"

# The node as its unit starts it: as its user, from its station files; a board on a port of this machine.
plumbline simulate --exercise rdl --reps 3 --seed 4 --tcp 4444 >/tmp/board.log 2>&1 &
sed 's/sim-1/rack-1/' rack.toml > /etc/plumbline/rack-1.toml
cat >> /etc/plumbline/rack-1.toml <<'TOML'
[[ports]]
url = "socket://127.0.0.1:4444"
[mqtt]
host = "127.0.0.1"
port = 9
tls = false
TOML
chown root:plumbline /etc/plumbline/rack-1.toml; chmod 0640 /etc/plumbline/rack-1.toml
install -d -m 0700 -o plumbline -g plumbline /var/lib/plumbline
started=$(sed -n 's/^ExecStart=//p' /lib/systemd/system/plumbline-edge.service)
node() { setpriv --reuid=plumbline --regid=plumbline --init-groups sh -c "exec $started"; }
waiting() { python3 - <<'PY'
import sqlite3
print(sqlite3.connect("file:/var/lib/plumbline/outbox.db?mode=ro", uri=True).execute("SELECT count(*) FROM events").fetchone()[0])
PY
}
node >/tmp/node.log 2>&1 &
for i in $(seq 120); do  # until the board has played its set
    sleep 1
    grep -q 'is gone' /tmp/node.log && break
done
pkill -TERM -u plumbline -f station.cli
for i in $(seq 100); do pgrep -u plumbline >/dev/null || break; sleep 0.2; done
kept=$(waiting)
test "$kept" -ge 3 || { cat /tmp/node.log /tmp/board.log; exit 1; }
step "the unit's command counts at rack-1: $kept events wait for a record"
before=$(sums)

step "upgraded: $(dpkg -i /given/new.deb >/given/dpkg.log 2>&1 || cat /given/dpkg.log; says)"
test "$(sums)" = "$before"
step "settings and events are as they were"

step "removed: $(dpkg -r plumbline-node >/given/dpkg.log 2>&1 || cat /given/dpkg.log; says)"
test "$(sums)" = "$before" && tidy
step "settings and events are as they were; nothing of the program is left"

step "installed again: $(dpkg -i /given/new.deb >/given/dpkg.log 2>&1 || cat /given/dpkg.log; says)"
test "$(readlink -f /etc/systemd/system/plumbline-edge.service)" != /dev/null || { echo masked; exit 1; }
node >/tmp/node.log 2>&1 &
for i in $(seq 120); do grep -q '^counting at' /tmp/node.log && break; sleep 0.5; done
pkill -TERM -u plumbline -f station.cli
grep -q "^counting at rack-1; $kept events wait" /tmp/node.log || { cat /tmp/node.log; exit 1; }
for i in $(seq 100); do pgrep -u plumbline >/dev/null || break; sleep 0.2; done
step "and goes on with the $kept events"

dpkg -P plumbline-node > /given/dpkg.log 2>&1 || { cat /given/dpkg.log; exit 1; }
step "purged: $(grep -o 'plumbline-node: kept .*' /given/dpkg.log | tr '\n' ';')"
test -s /etc/plumbline/rack-1.toml && test -s /var/lib/plumbline/outbox.db && tidy
! find /etc/systemd -name 'plumbline*' | grep .
step "nothing is left but settings and events"
