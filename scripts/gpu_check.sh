#!/usr/bin/env bash
# Everything one wants to know on a GPU, in one call of at most ten minutes; see docs/gpu.md.
# Needs the checkout, Python 3.11 or newer, torch with CUDA and numpy; --data FILE is of `train_default.py --pack`.
#   bash scripts/gpu_check.sh --out DIR [--data FILE] [--minutes 9.5] [--device cuda] [--quick]
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/gpu_check.py "$@"
