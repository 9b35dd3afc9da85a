#!/bin/sh
# try.sh [SUITE]: install, run, upgrade, go back, remove and purge the packages of build/deb in a chroot.
#
# The version before is made of the same files under a lower number (there is no release yet); PREVIOUS
# names a folder with real ones.  BASE is a minimal root of the suite that is copied.  Needs root.
set -eu
suite=${1:-bookworm}
cd "$(dirname "$0")/../.."
here=$PWD
. deploy/debian/roots.sh
[ "$(id -u)" = 0 ] || { echo "deb-test: needs root" >&2; exit 1; }
base=${BASE:-$cache/base-$suite}
[ -n "${BASE:-}" ] || system "$suite" base
case $suite in bookworm) release=12 ;; trixie) release=13 ;; esac
work=$(mktemp -d)
trap 'remove "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp -a "$base" "$work/root"
root=$work/root
mkdir -p "$root/try/new" "$root/try/old"
cp "build/deb/"*"~deb${release}_$(dpkg --print-architecture).deb" "$root/try/new/"
if [ -n "${PREVIOUS:-}" ]; then
    cp "$PREVIOUS"/*.deb "$root/try/old/"
else
    for deb in "$root/try/new/"garita_*.deb; do
        dpkg-deb -R "$deb" "$work/old"
        old=0.0.9-1
        sed -i "s/^Version: .*/Version: $old/; s/(<< [^)]*deb$release)/(<< $old)/g" "$work/old/DEBIAN/control"
        echo $old >"$work/old/usr/lib/garita/parts/garita/version"
        dpkg-deb -Znone -b "$work/old" "$root/try/old/garita_${old}_all.deb" >/dev/null
        remove "$work/old"
    done
fi
cp deploy/debian/gate.py deploy/debian/try-inside.sh "$root/try/"
inside "$root" sh /try/try-inside.sh
echo "deb-test: good ($suite, $here)"
