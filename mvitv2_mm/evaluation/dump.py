from typing import Any, Optional, Sequence

import mmengine
import torch
from mmengine.evaluator import BaseMetric

from ..files import replaced
from ..registry import METRICS


@METRICS.register_module()
class DumpPredictions(BaseMetric):
    """Save predictions, whole or not at all, without the loss of the metrics if they cannot be.

    No more than the predictions is kept. On a CPU a prediction is often a view of what the network
    gave for its whole batch, and pickle writes all that a view belongs to, once for each sample.

    Args:
        metric (dict): A ``DumpResults`` of mmengine, or an heir of it, which collects them.

    Attributes:
        trouble (OSError | None): Why they are not saved.
    """
    default_prefix = ''  # there are no metrics to name

    def __init__(self, metric: dict) -> None:
        super().__init__()
        self.metric = METRICS.build(metric)
        self.results = self.metric.results
        self.trouble: Optional[OSError] = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Collect the predictions of a batch."""
        self.metric.process(data_batch, [_without_rest(sample) for sample in data_samples])

    def compute_metrics(self, results: list) -> dict:
        """Save the predictions of all processes."""
        try:
            with replaced(self.metric.out_file_path) as temporary:
                mmengine.dump(results, temporary)
        except OSError as error:
            self.trouble = error
        return {}


def _without_rest(data: Any) -> Any:
    """The same data in which no tensor is a part of a larger one."""
    if isinstance(data, torch.Tensor):
        return data.clone() if data.untyped_storage().nbytes() > data.nbytes else data
    if isinstance(data, dict):
        return {key: _without_rest(value) for key, value in data.items()}
    if type(data) in (list, tuple):
        return type(data)(_without_rest(value) for value in data)
    return data
