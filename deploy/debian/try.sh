#!/bin/sh
# try.sh [SUITE]: install, run, upgrade, go back, remove and purge the packages of build/deb in a chroot.
#
# The version before is made of the same files under a lower number (there is no release yet); PREVIOUS
# names a folder with real ones.  BASE is a minimal root of the suite that is copied.  Needs root.
set -eu
suite=${1:-bookworm}
cd "$(dirname "$0")/../.."
here=$PWD
cache=${CACHE:-$HOME/.cache/garita-deb}
base=${BASE:-$cache/base-$suite}
[ "$(id -u)" = 0 ] || { echo "deb-test: needs root" >&2; exit 1; }
if [ ! -e "$base/etc/debian_version" ]; then
    debootstrap --variant=minbase "$suite" "$base" "${MIRROR:-http://deb.debian.org/debian}" >"$cache/base.log" 2>&1
fi
case $suite in bookworm) release=12 ;; trixie) release=13 ;; esac
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
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
        rm -rf "$work/old"
    done
fi
cp deploy/debian/gate.py deploy/debian/try-inside.sh "$root/try/"
ROOT=$root unshare -m sh -ec '
    mount --make-rprivate /
    mount -t proc proc "$ROOT/proc"
    mount -t tmpfs tmpfs "$ROOT/run"
    mount --rbind /dev "$ROOT/dev"
    exec chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        http_proxy="${http_proxy:-}" sh /try/try-inside.sh
'
echo "deb-test: good ($suite, $here)"
