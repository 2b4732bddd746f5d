# Sourced by the other scripts: makes .venv beside the checkout's files and installs avsal into it, once.
# Usage: . scripts/environment.sh [EXTRA]     EXTRA: an extra of pyproject.toml, such as test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
    for candidate in python3.11 python3.12 python3.13 python3 python; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "avsal needs Python 3.11 or newer, and none was found" >&2
    return 1
}

if [ ! -x .venv/bin/python ]; then
    echo "Making .venv ..."
    "$(find_python)" -m venv .venv
fi
extra="${1:-}"
stamp=".venv/.avsal-installed${extra:+-$extra}"
wanted="$(cksum <pyproject.toml)"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "Installing avsal${extra:+ with its $extra extra} into .venv (some minutes the first time) ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".${extra:+[$extra]}"
    echo "$wanted" >"$stamp"
fi
