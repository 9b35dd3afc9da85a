#!/bin/sh
# Makes a release of the commit that is checked out, in dist/<version>/:
#
#   sh deploy/release.sh [--deb] [--sign KEY]
#
# wheel, sdist, with --deb the Debian packages, what is inside (CycloneDX), hashes, and with --sign a
# signature by that SSH key (ssh-keygen -Y).  Everything is built from the commit alone, twice, and both
# have to be the same, byte by byte.  docs/releases.md says how somebody checks it.
set -eu
umask 022
cd "$(dirname "$0")/.."

say() { printf 'release: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

deb= key=
while [ $# -gt 0 ]; do
    case $1 in
    --deb) deb=yes ;;
    --sign) key=${2:?--sign KEY}; shift ;;
    *) stop "what is $1?" ;;
    esac
    shift
done

python=$(pwd)/.venv/bin/python
[ -x "$python" ] || stop "make setup first"
[ -z "$(git status --porcelain)" ] || stop "there are changes that are not committed"
[ -z "$key" ] || [ -r "$key" ] || stop "$key can't be read"
version=$("$python" -c 'import gateway; print(gateway.__version__)')
grep -q "^## $version " CHANGELOG.md || stop "CHANGELOG.md has nothing about $version"
commit=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH PYTHONHASHSEED=0 TZ=UTC LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for once in 1 2; do
    mkdir -p "$work/$once/garita" "$work/$once/out"
    git archive "$commit" | tar -x -C "$work/$once/garita"
    "$python" -m build --no-isolation --outdir "$work/$once/out" "$work/$once/garita" \
        >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; stop "it can't be built"; }
    "$python" deploy/repack.py "$work/$once/out/"*.tar.gz
done
diff -r "$work/1/out" "$work/2/out" >&2 || stop "two builds of one commit differ"
say "wheel and sdist are the same in two builds"

out=dist/$version
rm -rf "$out" && mkdir -p "$out"
cp "$work/1/out/"* "$out/"
"$python" -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
    --of JSON -o "$out/garita-$version.cdx.json" requirements-gate.lock
cp requirements-gate.lock "$out/"
if [ -n "$deb" ]; then
    make deb
    cp build/deb/*.deb "$out/"
fi
printf '%s\n' "$commit" >"$out/COMMIT"
(cd "$out" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS)
if [ -n "$key" ]; then
    ssh-keygen -q -Y sign -n garita-release -f "$key" "$out/SHA256SUMS"
    say "signed: $out/SHA256SUMS.sig"
fi
say "$out: $(find "$out" -type f | wc -l) files, of commit $commit"
