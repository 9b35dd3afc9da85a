#!/bin/sh
# Prepares a machine for the Makefile: `setup.sh` makes the virtual environment from the
# lock, `setup.sh gate` that of a gate, without what tests need, `setup.sh mosquitto` sees to a real broker, `setup.sh servers` to that and to PostgreSQL
# and OpenLDAP, which tests pull lists from.  Installs through apt only where that is
# allowed (root, or sudo that asks nothing), and says what to install where it is not.
set -eu
umask 022

say() { printf 'setup: %s\n' "$*" >&2; }

apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else return 1; fi
    say "installing $* through apt"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # $sudo is empty or two words
    $sudo apt-get install -y -qq "$@" >/dev/null 2>&1 && return 0
    $sudo apt-get update -qq >/dev/null 2>&1 && $sudo apt-get install -y -qq "$@" >/dev/null 2>&1
}

# Debian starts servers when they are installed; the tests start their own on free ports.
need() {
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 && continue
        case $program in
        initdb) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && continue; package=postgresql ;;
        promtool) package=prometheus ;;
        pdftotext) package=poppler-utils ;;
        *) package=$program ;;
        esac
        apt_install "$package" || {
            say "the tests need $package: sudo apt install $package"
            exit 1
        }
    done
}

lock=requirements.lock
case ${1:-} in
gate) lock=requirements-gate.lock ;;
mosquitto | servers)
    PATH="$PATH:/usr/sbin:/sbin"
    need mosquitto
    [ "$1" = mosquitto ] || need initdb slapd chromium rabbitmq-server prometheus promtool pdftotext
    exit 0
    ;;
esac

python=${PYTHON:-python3}
venv=${VENV:-.venv}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "Garita needs Python 3.11 or newer; $("$python" --version 2>&1) is here"
    exit 1
}
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    apt_install "python$version-venv" || apt_install python3-venv || {
        say "Python's venv module is missing: sudo apt install python3-venv"
        exit 1
    }
fi
[ -x "$venv/bin/python" ] || { say "making $venv"; "$python" -m venv "$venv"; }
say "installing the locked versions (the first time: a few minutes)"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
# An older one in this folder would hide the drivers that were added since.
rm -rf garita.egg-info
"$venv/bin/python" -m gateway.locale compile
"$venv/bin/python" -m gateway.face.vision.convert >/dev/null ||
    say "the face embedding stays with dlib: correct, but several times slower"
# The gateway's own account reads what root cloned, whatever root's umask was.
[ "$lock" = requirements.lock ] || chmod -R a+rX .
say "ready"
