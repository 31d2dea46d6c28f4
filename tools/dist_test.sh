#!/usr/bin/env bash
# Usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [ARGUMENTS OF tools/test.py]
# On several machines also set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

TOOLS=$(dirname "$0")
exec "$TOOLS/torchrun.sh" "$3" "$TOOLS/test.py" "$1" "$2" "${@:4}"
