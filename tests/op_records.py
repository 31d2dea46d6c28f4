"""What runs inside a ``with`` block and which memory stays, seen from below autograd."""
from typing import Dict, List, Tuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class OpRecorder(TorchDispatchMode):
    """Write down what every operator returns, in forward, recomputation and backward.

    Attributes:
        results (List[Tuple[str, Tuple[int, ...], torch.dtype]]): Operator, shape and dtype.
        largest (int): Elements of the largest storage; a view counts as what it views.
        peak_bytes (int): Most bytes at once of storages that were made inside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.results: List[Tuple[str, Tuple[int, ...], torch.dtype]] = []
        self.largest = self.peak_bytes = 0
        self._made: Dict[int, Tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        known = {x.untyped_storage()._cdata for x in tree_leaves((args, kwargs)) if _is_tensor(x)}
        out = func(*args, **(kwargs or {}))
        for x in filter(_is_tensor, tree_leaves(out)):
            storage = x.untyped_storage()
            self.results.append((func._schema.name, tuple(x.shape), x.dtype))
            self.largest = max(self.largest, storage.nbytes() // x.element_size())
            if storage._cdata not in known:
                self._made[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.peak_bytes = max(self.peak_bytes, self.live_bytes())
        return out

    def live_bytes(self) -> int:
        """Bytes of storages that were made inside and are still referred to."""
        self._made = {key: made for key, made in self._made.items() if not made[0].expired()}
        return sum(size for _, size in self._made.values())

    def shapes(self, *names: str) -> List[Tuple[int, ...]]:
        """Shapes of what the operators of these names returned."""
        return [shape for name, shape, _ in self.results if name in names]

    def dtypes(self, *names: str) -> List[torch.dtype]:
        """Dtypes of what the operators of these names returned."""
        return [dtype for name, _, dtype in self.results if name in names]


def _is_tensor(x) -> bool:
    return isinstance(x, Tensor)
