#!/bin/sh
# Makes .venv: finds Python 3.10 and uv (or fetches them), then installs exactly what uv.lock says.
# Does nothing when lock, project and interpreter are what they were after the last success.
set -eu

cd "$(dirname "$0")/.."
venv=.venv
stamp="$venv/.zhixin-installed"

say() { printf 'zhixin: %s\n' "$*"; }
fail() {
    printf 'zhixin: %s\n' "$*" >&2
    exit 1
}

# Every candidate is run, not only looked at: version managers leave shims that exist and fail.
is_310() {
    [ -n "$1" ] && [ "$("$1" -c 'import sys, ssl, venv; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.10 ]
}

home=${HOME:-/nonexistent}
pyenv_root=${PYENV_ROOT:-$home/.pyenv}

find_python() {
    for candidate in "${PYTHON310:-}" python3.10 "$pyenv_root"/versions/3.10.*/bin/python3.10 \
        /opt/homebrew/opt/python@3.10/bin/python3.10 /usr/local/opt/python@3.10/bin/python3.10 python3; do
        if is_310 "$candidate"; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return 0
        fi
    done
    return 1
}

is_uv() { "$1" --version >/dev/null 2>&1; }

find_uv() {
    for candidate in uv "$pyenv_root"/versions/*/bin/uv "$home/.local/bin/uv" "$home/.cargo/bin/uv" \
        .tools/uv/bin/uv; do
        if is_uv "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# The lock and the project file, by content, and the interpreter.
fingerprint() {
    { cat uv.lock pyproject.toml && printf '%s\n' "$1" && "$1" -c 'import sys; print(sys.version)'; } | cksum
}

make_uv() {
    # Any Python from 3.8 on can carry uv itself.
    for candidate in "$python" python3 "$pyenv_root"/versions/3.1*/bin/python3; do
        [ -n "$candidate" ] || continue
        "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1 || continue
        say "fetching uv, the installer, into .tools/uv"
        mkdir -p .tools && printf '*\n' >.tools/.gitignore
        "$candidate" -m venv .tools/uv ||
            fail "no virtual environment could be made in .tools/uv: check the free space and the rights of this folder."
        .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv ||
            fail "uv could not be fetched: check the network, or install uv yourself, and start again."
        uv=.tools/uv/bin/uv
        return 0
    done
    fail "neither uv nor a Python to install it with was found: install Python 3.10 (or uv) and start again."
}

python=$(find_python) || python=
if [ -n "$python" ] && [ -x "$venv/bin/python" ] && [ -f "$stamp" ] &&
    [ "$(cat "$stamp")" = "$(fingerprint "$python")" ]; then
    exit 0
fi

free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "${free_kb:-0}" -ge 3500000 ] ||
    fail "the disk of $(pwd) has only $((free_kb / 1024)) MB free: the libraries need 3500 MB, free some space and start again."

uv=$(find_uv) || make_uv

if [ -z "$python" ]; then
    say "no Python 3.10 on this machine: fetching one"
    "$uv" python install 3.10 ||
        fail "Python 3.10 is missing and could not be fetched: install it, or set PYTHON310=/path/to/python3.10, and start again."
    python=$("$uv" python find 3.10) || fail "Python 3.10 was fetched but is not found: set PYTHON310=/path/to/python3.10."
fi

say "installing the libraries into $venv with $python (the first time takes some minutes)"
rm -f "$stamp"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The pipe keeps the progress visible; the status file carries the exit code through it.
{
    "$uv" sync --locked --python "$python" 2>&1 && echo ok >"$log.status"
} | tee "$log"
if [ ! -f "$log.status" ]; then
    if grep -qi 'no space left' "$log"; then
        fail "the disk is full: free some space and start again."
    elif grep -qi 'lockfile.*needs to be updated' "$log"; then
        fail "uv.lock does not fit pyproject.toml: run 'uv lock' and commit the result."
    elif grep -qiE 'dns|connect|timed? ?out|network|request failed|failed to fetch|failed to download' "$log"; then
        fail "the libraries could not be downloaded: check the network and start again."
    fi
    fail "the libraries could not be installed: the lines above say why."
fi
rm -f "$log.status"
fingerprint "$python" >"$stamp"
say "libraries installed"
