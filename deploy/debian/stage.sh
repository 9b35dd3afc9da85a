#!/bin/sh
# stage.sh VERSION ARCH BUILD_ARCH: puts the environment of each package below debian/PACKAGE.
# WHEELS/ARCH holds the wheels of the lock; wheels.py checks their hashes again.
set -eu
version=$1 arch=$2 native=$3
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=$(python3 -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
made=$PWD/debian/build
packages='garita garita-numpy garita-face garita-console garita-collector'
tree=/usr/lib/garita/$version
umask 022
export PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

wheels() { python3 debian/wheels.py install "$WHEELS/$1" "$2" "$3" --python "$python" --arch "$1"; }
site() { echo "$PWD/debian/$1/usr/lib/garita/parts/$1/lib/python$python/site-packages"; }

# Our own wheel; and one of what is released as source alone.
wheels "$native" build "$made/tools"
wheels "$native" garita "$made/native"
PYTHONPATH=$made/tools:$made/native python3 -m pip wheel -q --no-deps --no-build-isolation -w "$made/wheels" .
for source in "$WHEELS/$arch"/*.tar.gz; do
    PYTHONPATH=$made/tools python3 -m pip wheel -q --no-deps --no-build-isolation -w "$made/source" "$source"
done

for package in $packages; do wheels "$arch" "$package" "$(site "$package")"; done
wheel() { python3 -m pip install -q --no-deps --no-compile --target "$@"; }
wheel "$made/ours" "$made"/wheels/*.whl
wheel "$made/models" "$made"/source/*.whl
rm -rf "$made/ours/bin"
cp -a "$made/ours/." "$(site garita)/"
cp -a "$made/models/." "$(site garita-face)/"
# What a wheel has for the environment's own `share`, pip leaves beside the libraries.
for package in $packages; do
    [ ! -d "$(site "$package")/share" ] || mv "$(site "$package")/share" "debian/$package/usr/lib/garita/parts/$package/"
done

# The environment itself, made at its final path: nothing in it names another one.
rm -rf "$tree"
"/usr/bin/python$python" -m venv --without-pip --symlinks "$tree"
rm -rf "$tree/lib/python$python/site-packages"
cp -a "$tree/." "debian/garita/usr/lib/garita/parts/garita/"
rm -rf "$tree"

# The converted network, so that onnx stays here.  It is the same on every architecture.  `path` has all
# that this machine can load.
if [ "$arch" = "$native" ]; then
    for package in $packages; do path="${path:+$path:}$(site "$package")"; done
else
    for package in ${packages#garita}; do wheels "$native" "$package" "$made/native/$package"; done
    cp -a "$made/ours/." "$made/models/." "$made/native/"
    path=$made/native
    for package in ${packages#garita}; do path=$path:$made/native/$package; done
fi
sealed=debian/garita-face/usr/lib/garita/parts/garita-face/share/garita/dlib-resnet-v1.onnx.sealed
(cd / && PYTHONPATH="$path:$made/tools" PYTHONDONTWRITEBYTECODE=1 python3 -m gateway.face.vision.convert --to "$OLDPWD/$sealed")

# Completion for each shell, and man pages, by the program itself.
garita() { (cd / && env PYTHONPATH="$path" PYTHONDONTWRITEBYTECODE=1 "$@"); }
share=$PWD/debian/garita/usr/share
mkdir -p "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
garita _GARITA_COMPLETE=source_bash python3 -m gateway.cli >"$share/bash-completion/completions/garita"
garita _GARITA_COMPLETE=source_zsh python3 -m gateway.cli >"$share/zsh/vendor-completions/_garita"
garita _GARITA_COMPLETE=source_fish python3 -m gateway.cli >"$share/fish/vendor_completions.d/garita.fish"
garita python3 -m gateway.cli.manpages "$made/man"

for package in $packages; do
    part=debian/$package/usr/lib/garita/parts/$package
    echo "$version" >"$part/version"
    # Bytecode that needs no look at times: the box can't write it, and its Python's version is pinned.
    python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash -s "$part" -p "$tree" "$part/lib"
    printf 'garita:Python=python3 (>= %s~), python3 (<< %s~)\n' "$python" "$next" >>"debian/$package.substvars"
    printf 'garita:Libraries=libc6 (>= 2.28), libgcc-s1, libstdc++6\n' >>"debian/$package.substvars"
done
