#!/usr/bin/env bash
# Runs every check: ruff, mypy, pytest. Makes .venv and installs what is needed first; quick when run again.
#   bash scripts/test.sh [ARGUMENTS OF PYTEST]
. "$(dirname "$0")/environment.sh" test
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
exec "$bin/python" -m pytest "$@"
