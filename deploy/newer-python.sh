#!/bin/sh
# Runs the quick tests on the Python of another Debian, as root:
#
#   sh deploy/newer-python.sh [SUITE]          trixie (Python 3.13) if none is named
#
# debootstrap makes a root in a temporary folder, which goes again at the end.  The checkout's commit is
# tested, not what is not committed.
set -eu
suite=${1:-trixie}
cd "$(dirname "$0")/.."
command -v debootstrap >/dev/null || { echo "apt install debootstrap" >&2; exit 1; }
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates,make,procps,python3-venv "$suite" "$root" \
    >"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; exit 1; }
rm -f "$root.log"
mkdir "$root/garita"
git archive HEAD | tar -x -C "$root/garita"
# How pip reaches an index, where that is not the default.
for file in /etc/resolv.conf /etc/pip.conf /etc/xdg/pip/pip.conf /etc/xdg/pip/constraints.txt /etc/ssl/certs/ca-certificates.crt; do
    [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
done
# Mounts live in a namespace of their own and end with it.
unshare --mount --propagation private sh -eu -c '
    root=$1
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    for folder in $2; do mkdir -p "$root$folder"; mount --bind "$folder" "$root$folder"; done
    chroot "$root" sh -eu -c "cd /garita && python3 --version && make setup quick"
' sh "$root" "${BIND:-}"
