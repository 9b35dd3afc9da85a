#!/bin/sh
# build.sh [SUITE [ARCH [VERSION]]]: the Debian packages of this checkout, in build/deb.
#
# Wheels are fetched by the hashes of requirements-gate.lock, with the pip of .venv and its index.  The
# build itself runs in a chroot of the suite, without a network.  Needs root, debootstrap and unshare.
# CACHE keeps the chroot and the wheels.  For a quick build: LEVEL=0 (nothing is compressed), MANUAL=no (no pages),
# LINTIAN=no.
set -eu
suite=${1:-bookworm} arch=${2:-amd64}
case $suite in
bookworm) python=3.11 release=12 ;;
trixie) python=3.13 release=13 ;;
*) echo "deb: a suite is bookworm or trixie" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
upstream=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' gateway/__init__.py)
version=${3:-$upstream-1}~deb$release
. deploy/debian/roots.sh
root=$cache/build-$suite
native=$(dpkg --print-architecture)
say() { printf 'deb: %s\n' "$*" >&2; }
[ "$(id -u)" = 0 ] || { say "needs root: it builds in a chroot"; exit 1; }
command -v debootstrap >/dev/null || { say "apt install debootstrap"; exit 1; }
umask 022

say "making a chroot of $suite, unless it is there"
system "$suite" build debhelper dpkg-dev lintian python3 python3-packaging python3-pip python3-venv
for one in $(printf '%s\n' "$native" "$arch" | sort -u); do
    say "fetching the wheels for $one, Python $python"
    .venv/bin/python deploy/debian/wheels.py fetch "$cache/wheels-$python-$one" --python "$python" --arch "$one"
done

work=$cache/work-$suite-$arch
remove "$work"
mkdir -p "$work/garita"
git ls-files -z -c -o --exclude-standard | xargs -0 cp --parents -P -p -t "$work/garita" 2>/dev/null || true
cp -a deploy/debian "$work/garita/debian"
if [ "${MANUAL:-yes}" = yes ]; then
    .venv/bin/python -m manual >"$cache/manual.log" 2>&1 || { tail -n 5 "$cache/manual.log" >&2; exit 1; }
    cp -a build/docs "$work/garita/build-docs"
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
cat >"$work/garita/debian/changelog" <<EOF
garita ($version) $suite; urgency=medium

  * Release $upstream: /usr/share/doc/garita/CHANGELOG.md.gz says what changed.

 -- Garita <garita@localhost>  $(date -uR -d "@$SOURCE_DATE_EPOCH")
EOF

say "building $version for $arch"
BIND="$work:build"
for one in $(printf '%s\n' "$native" "$arch" | sort -u); do BIND="$BIND $cache/wheels-$python-$one:wheels/$one"; done
export BIND
NETWORK=no inside "$root" env WHEELS=/wheels SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" DEB_BUILD_OPTIONS=nocheck \
    LEVEL="${LEVEL:-}" sh -c "cd /build/garita && dpkg-buildpackage -us -uc -b -d -a$arch"
if [ "${LINTIAN:-yes}" = yes ]; then
    say "lintian: nothing but what deploy/debian/lintian-overrides names with its reason"
    NETWORK=no inside "$root" sh -c "lintian --allow-root --fail-on error,warning /build/*.deb"
fi
mkdir -p build/deb
mv "$work"/*.deb build/deb/
remove "$work"
ls -l build/deb/*_"${version}_$arch".deb | awk '{print $5, $9}'
