#!/bin/sh
# Installs the wheel as a stranger would, with pipx, once for each set of extras, and asks it something:
#
#   sh deploy/try-wheel.sh dist/VERSION/garita-VERSION-py3-none-any.whl
#
# Needs an index or a folder of wheels that pip knows, and .venv (make setup).
set -eu
wheel=$(realpath "${1:?which wheel?}")
cd "$(dirname "$0")/.."
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIPX_HOME="$work/home" PIPX_BIN_DIR="$work/bin" PIPX_MAN_DIR="$work/man"

try() {  # try EXTRAS COMMAND ...: in an environment of its own
    name=${1:-none}
    shift
    spec=$wheel
    [ "$name" = none ] || spec="$wheel[$name]"
    rm -rf "$PIPX_HOME/venvs"
    "$root/.venv/bin/python" -m pipx install --force --quiet "$spec" >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2; exit 1; }
    (cd "$work" && "$@") >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
    printf '%-45s %4s MB  %s\n' "$name" "$(du -sm "$work/home" | cut -f1)" "$(tail -n 1 "$work/said")"
}

garita=$work/bin/garita
mkdir "$work/data"
sed "s#^timezone.*#&\ndata_dir = \"$work/data\"\nkey_file = \"$work/site.key\"#" config/one-door.toml \
    >"$work/garita.toml"
export GARITA_CONFIG="$work/garita.toml"
try none "$garita" version
"$garita" key new >/dev/null
try none "$garita" check
imports() { "$work/home/venvs/garita/bin/python" -c "import $1" && echo "imports $1"; }
try face imports "cv2, dlib, onnxruntime, gateway.face.vision.worker"
try console imports "gateway.console.server"
try collector imports "gateway.collector.service"
try collector,console,evidence,face,gpio,ldap,sql,witness imports "gateway.evidence.make, gateway.patterns.run"
