#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG GPUS [ARGUMENTS OF tools/train.py]
# On several machines also set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

TOOLS=$(dirname "$0")
exec "$TOOLS/torchrun.sh" "$2" "$TOOLS/train.py" "$1" "${@:3}"
