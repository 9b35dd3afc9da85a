# Sourced by build.sh and try.sh: Debian systems in folders, what runs in them, and how they go away.
cache=${CACHE:-$HOME/.cache/garita-deb}
mirror=${MIRROR:-http://deb.debian.org/debian}

# remove FOLDER...: ends if something is mounted below one, and never follows into another file system.
remove() {
    for one; do
        [ -e "$one" ] || continue
        if awk -v below="$(realpath "$one")/" 'index($5 "/", below) == 1 { found = 1 } END { exit !found }' \
            /proc/self/mountinfo; then
            echo "something is mounted below $one, so it stays" >&2
            exit 1
        fi
        rm -rf --one-file-system "$one"
    done
}

# system SUITE NAME [PACKAGE...]: a minimal system of the suite with these packages, in $cache/NAME-SUITE.
system() {
    suite=$1 made=$cache/$2-$1
    shift 2
    packages=$*
    [ ! -e "$made.ready" ] || return 0
    remove "$made"
    mkdir -p "$cache"
    if [ -z "$packages" ]; then
        debootstrap --variant=minbase "$suite" "$made" "$mirror" >"$made.log" 2>&1 ||
            { tail -n 5 "$made.log" >&2; exit 1; }
    else
        (system "$suite" base)
        cp -a "$cache/base-$suite" "$made"
        inside "$made" sh -ec "apt-get update -q && apt-get install -y -q --no-install-recommends $packages" \
            >"$made.log" 2>&1 || { tail -n 5 "$made.log" >&2; exit 1; }
    fi
    touch "$made.ready"
}

# inside ROOT COMMAND...: runs it in the system.  Its mounts, processes and terminals are in namespaces of their
# own and end with the command, whatever it leaves.  The devices are those that debootstrap made, not the machine's.
# BIND: "FOLDER:PLACE ..." to be seen inside; NETWORK=no: without a network.
inside() {
    if [ "${NETWORK:-}" = no ]; then apart=--net; else apart=; fi
    # shellcheck disable=SC2016,SC2086
    unshare $apart --mount --propagation private --pid --fork --kill-child sh -eu -c '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys"
        for folder in tmp run; do mount -t tmpfs tmpfs "$root/$folder"; done
        mkdir -p "$root/dev/pts"
        mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
        [ -L "$root/dev/ptmx" ] || mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
        for pair in ${BIND:-}; do
            mkdir -p "$root/${pair#*:}"
            mount --bind "${pair%%:*}" "$root/${pair#*:}"
        done
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy:-}" "$@"
    ' sh "$@"
}
