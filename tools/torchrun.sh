#!/usr/bin/env bash
# Usage: tools/torchrun.sh GPUS SCRIPT [ARGUMENTS OF SCRIPT]: one process of SCRIPT on each GPU.
# On several machines also set NNODES, NODE_RANK, MASTER_ADDR and PORT. With MAX_RESTARTS=N the
# processes are started again, up to N times, when one of them dies.
set -euo pipefail

PYTHON=${PYTHON:-python}
SIGNALS=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1  # passed on to the processes
if [ "${NODE_RANK:-0}" = 0 ] && [ -n "${PORT:-}" ] && "$PYTHON" - "$PORT" <<< '
import socket, sys
sys.exit(socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1]))))'; then
    echo "port $PORT is in use, maybe by another training: set another PORT (on one machine, none)" >&2
    exit 1
fi
options=(--nproc_per_node="$1" --max-restarts="${MAX_RESTARTS:-0}")
if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
    options+=(--standalone)  # finds a free port
    # processes that are started again must not read what those before them left in the store
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
else
    options+=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
              --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}")
fi
torch=$("$PYTHON" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])')
if grep -q signals.to.handle "$torch/distributed/run.py"; then
    options+=(--signals-to-handle="$SIGNALS")
fi
export TORCHELASTIC_SIGNALS_TO_HANDLE=$SIGNALS  # for older releases
# torch.distributed.run is torchrun, by the Python in use
exec "$PYTHON" -m torch.distributed.run "${options[@]}" "${@:2}" --launcher pytorch
