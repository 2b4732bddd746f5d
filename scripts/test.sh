#!/usr/bin/env bash
# Runs every check: ruff, mypy, pytest. Makes .venv and installs what is needed first; quick when run again.
#   bash scripts/test.sh [ARGUMENTS OF PYTEST]
. "$(dirname "$0")/environment.sh" test
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
# a process a core, each with one thread: two threads in each of two processes would wait for each other
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec "$bin/python" -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal "$@"
