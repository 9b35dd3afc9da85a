#!/bin/sh
# What try.sh runs in its chroot: each step says what it did, and ends the test if it went wrong.
set -eu
step() { printf '\n== %s (%s s)\n' "$*" "$(($(date +%s) - begun))"; }
fail() { echo "FAILED: $*"; exit 1; }
begun=$(date +%s)
lib=/usr/lib/garita
apt() { apt-get install -y -q --no-install-recommends "$@" >/try/log 2>&1 || { tail -n 20 /try/log; fail "apt-get install $*"; }; }
files() { find / -xdev \( -path /try -o -path /proc -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt \
    -o -path /var/log -o -path /tmp -o -path /dev -o -path /run \) -prune -o -print | sort; }
gate() { $lib/current/bin/python3 -I /try/gate.py "$@" || fail "the gate"; }

apt-get update -q >/dev/null 2>&1 || true
apt python3 systemd dbus udev man-db
files >/try/before

step "install garita alone: the version before"
apt /try/old/garita_*.deb
[ "$(grep -c '^garita: .*: garita setup' /try/log)" = 2 ] || fail "it does not say what to do next, in two languages"
garita version
readlink $lib/current
[ "$(stat -c '%U:%G %a' /etc/garita /var/lib/garita | tr '\n' ' ')" = "root:garita 750 garita:garita 750 " ] || fail "folders"
$lib/current/bin/python3 -I -c 'import cv2' 2>/dev/null && fail "OpenCV is here"

step "a gate of badges alone; upgrade while it works; then restart"
gate "dpkg -i /try/new/garita_*.deb >/try/log 2>&1"
readlink $lib/current $lib/previous
[ "$(readlink $lib/current)" = "$(cat $lib/parts/garita/version)" ] || fail "the new version is not in force"
[ ! -L $lib/next ] || fail "a version still waits"

step "go back, and forward again"
garita upgrade --undo --yes
[ "$(readlink $lib/current)" = 0.0.9-1 ] || [ -n "${PREVIOUS:-}" ] || fail "the version before is not in force"
garita upgrade --restart-in-window | grep 'nothing waits' || fail "the version that was left comes back by itself"
gate
$lib/assemble --switch

step "a configuration that wants faces says what to install"
cp /etc/garita/garita.toml /try/good.toml
printf '\n[cameras.yard]\noptions = { source = 0 }\n' >>/etc/garita/garita.toml
garita check | grep 'apt install garita-face' || fail "garita check names no package"

step "an upgrade that can't read the configuration leaves the version before in force, and running"
dpkg -i --force-downgrade /try/old/garita_*.deb >/try/log 2>&1 || fail "downgrade"
before=$(readlink $lib/current)
cp /try/good.toml /etc/garita/garita.toml
refused() { echo "echo 'nonsense = 1' >>/etc/garita/garita.toml; ! dpkg -i /try/new/garita_*.deb >/try/log 2>&1"; }
gate "$(refused)" refused
grep 'runs on' /try/log || fail "it was refused otherwise"
[ "$(readlink $lib/current)" = "$before" ] && [ ! -L $lib/next ] || fail "the link was led on"
cp /try/good.toml /etc/garita/garita.toml
dpkg --configure -a >/try/log 2>&1 || fail "configure"
readlink $lib/current

step "install the other packages"
apt /try/new/garita-*.deb
$lib/current/bin/python3 -I -c '
from gateway.face.vision.embedder import best
print("embedder:", best().name)' | grep dlib-onnx || fail "the converted network is not in use"
for command in "console" "collect" "evidence" "patterns" "face"; do garita $command --help >/dev/null || fail "$command"; done
MPLCONFIGDIR=/tmp/matplotlib $lib/current/bin/python3 -I -c 'import typst, matplotlib.pyplot, pyhanko, starlette, psycopg, alembic, webauthn, cv2, gpiod, ldap3, pillow_heif'
find -L $lib/current -name '*.so*' -type f | xargs ldd 2>/dev/null | grep 'not found' | sort | uniq -c | tee /try/missing
[ ! -s /try/missing ] || fail "libraries are missing"
garita_completes() { COMP_WORDS="garita upg" COMP_CWORD=1 _GARITA_COMPLETE=complete_bash garita | grep -q upgrade; }
garita_completes || fail "the words that a shell asks for"
bash -ec '. /usr/share/bash-completion/completions/garita; complete -p garita' || fail "bash"
for shell in bash-completion/completions/garita zsh/vendor-completions/_garita fish/vendor_completions.d/garita.fish; do
    grep -q garita /usr/share/$shell || fail "$shell"
done
[ -z "$(find /usr/share/doc/garita/html -name '*.gz')" ] || fail "the pages are packed, and a browser opens none"
for page in /usr/share/man/man1/garita*.1.gz /usr/share/man/es/man1/garita*.1.gz; do
    man --warnings=w -l "$page" 2>/try/warned >/try/page || fail "$page"
    [ ! -s /try/warned ] && [ -s /try/page ] || { cat /try/warned; fail "$page"; }
done
man garita-upgrade | grep -q -- --undo || fail "man garita-upgrade"
man -L es garita-upgrade | grep -q SINOPSIS || fail "man -L es garita-upgrade"
[ -s /usr/share/doc/garita/html/index.html ] || fail "the pages are not here"
for page in $(cat /lib/systemd/system/garita*.service /lib/systemd/system/garita*.timer | sed -n 's#^Documentation=file://##p' | sort -u); do
    [ -s "$page" ] || fail "a unit names $page"
done
# Faults of rules are told while udev reads them; the device does not matter.
udevadm test /class/mem/null >/try/rules 2>&1 || true
grep -q 'garita.rules' /try/rules || fail "udev does not read the rules"
grep 'garita.rules:' /try/rules && fail "a rule of udev"
systemd-analyze verify /lib/systemd/system/garita*.service 2>&1 | grep -i garita && fail "a unit"

step "remove garita-face: it leaves the tree that runs"
apt-get remove -y -q garita-face >/try/log 2>&1 || fail "remove"
$lib/current/bin/python3 -I -c 'import cv2' 2>/dev/null && fail "OpenCV stays"
gate

step "remove, then purge: the log stays"
apt-get remove -y -q garita garita-numpy >/try/log 2>&1 || fail "remove"
[ ! -e $lib ] || { ls -la $lib; fail "$lib is left"; }
apt-get purge -y -q garita garita-console garita-collector garita-face garita-numpy >/try/log 2>&1 || fail "purge"
grep 'stay' /try/log
[ -s /var/lib/garita/ledger.db ] && [ -s /etc/garita/site.key ] || fail "the log or its key is gone"

step "install again, and purge with the second word"
apt /try/new/garita_*.deb
garita log verify
touch /etc/garita/purge-ledger
apt-get purge -y -q garita >/try/log 2>&1 || fail "purge"
apt-get autoremove -y -q --purge >/try/log 2>&1 || true
files >/try/after
diff /try/before /try/after >/try/left || true
cat /try/left
[ ! -s /try/left ] || fail "this is left (>) or gone (<)"
