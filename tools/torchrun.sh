#!/usr/bin/env bash
# Usage: tools/torchrun.sh GPUS SCRIPT [ARGUMENTS OF SCRIPT]: one process of SCRIPT on each GPU.
# On several machines also set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

# torch.distributed.run is torchrun, by the Python in use
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$1" \
    "${@:2}" --launcher pytorch
