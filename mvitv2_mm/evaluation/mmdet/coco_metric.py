from typing import Dict, List

from mmdet.evaluation import metrics as host

from ...datasets.mmdet.coco_dataset import category_ids
from ...registry import METRICS


@METRICS.register_module()
class CocoMetric(host.CocoMetric):
    """mmdet's ``CocoMetric`` in which a label means the name of a category.

    A class that the annotation file does not list has no AP, and only the pictures that were tested
    count: mmdet counts all others of the file as missed.

    Raises:
        ValueError: If masks are to be compared and an object in the file has none.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        objects = self._coco_api.anns.values() if self._coco_api else ()
        lacking = sum(not obj.get('segmentation') for obj in objects)
        if lacking and 'segm' in self.metrics and not self.format_only:
            raise ValueError(f'the annotation file of the evaluator: {lacking} objects have no '
                             'mask ("segmentation"); add the masks, or set metric="bbox"')

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Compare with the annotations of the tested pictures."""
        if self._coco_api is not None:
            self.cat_ids = category_ids(self._coco_api, self.dataset_meta['classes'])
            self.img_ids = [prediction['img_id'] for _, prediction in results]
        return super().compute_metrics(results)
