from typing import Any, Optional, Sequence

import mmengine
from mmengine.evaluator import BaseMetric

from ..files import replaced
from ..registry import METRICS


@METRICS.register_module()
class DumpAside(BaseMetric):
    """Save predictions, whole or not at all, without the loss of the metrics if they cannot be.

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
        self.metric.process(data_batch, data_samples)

    def compute_metrics(self, results: list) -> dict:
        """Save the predictions of all processes."""
        try:
            with replaced(self.metric.out_file_path) as temporary:
                mmengine.dump(results, temporary)
        except OSError as error:
            self.trouble = error
        return {}
