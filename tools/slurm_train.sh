#!/usr/bin/env bash
# Usage: tools/slurm_train.sh CONFIG GPUS [ARGUMENTS OF tools/train.py]
# One process a GPU, GPUS_PER_NODE (8) of them on each machine. SRUN_ARGS holds more options of
# srun, for instance "--partition=gpu --time=24:00:00". A minute and a half before the time limit,
# the processes save the training and end; the same command with --resume goes on.
set -euo pipefail

GPUS=$2
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
if [ "$GPUS" -lt "$GPUS_PER_NODE" ]; then GPUS_PER_NODE=$GPUS; fi
# shellcheck disable=SC2086
exec srun --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" --gres="gpu:$GPUS_PER_NODE" \
    --cpus-per-task="${CPUS_PER_TASK:-8}" --kill-on-bad-exit=1 --signal=USR1@90 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$1" --launcher slurm "${@:3}"
