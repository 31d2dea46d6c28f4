from typing import Any, Sequence

import torch
from mmengine.evaluator import DumpResults

from ..registry import METRICS


class OwnTensors(DumpResults):
    """For ``DumpResults`` of mmengine and its heirs: keeps no more than the predictions.

    On a CPU a prediction is often a view of what the network gave for its whole batch, and pickle
    writes all that a view belongs to, once for each sample.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Collect the predictions of a batch; see mmengine's ``DumpResults``."""
        super().process(data_batch, [_without_rest(sample) for sample in data_samples])


@METRICS.register_module()
class DumpPredictions(OwnTensors):
    """mmengine's ``DumpResults``, whose files do not grow with the batch size."""


def _without_rest(data: Any) -> Any:
    """The same data in which no tensor is a part of a larger one."""
    if isinstance(data, torch.Tensor):
        return data.clone() if data.untyped_storage().nbytes() > data.nbytes else data
    if isinstance(data, dict):
        return {key: _without_rest(value) for key, value in data.items()}
    if type(data) in (list, tuple):
        return type(data)(_without_rest(value) for value in data)
    return data
