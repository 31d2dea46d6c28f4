from typing import Dict, List, Optional

from mmdet.evaluation import metrics as host
from mmengine.fileio import get_local_path

from ...datasets.coco_format import lack_masks, read_mask
from ...datasets.mmdet.coco_dataset import NamedCOCO, category_ids
from ...registry import METRICS


@METRICS.register_module()
class CocoMetric(host.CocoMetric):
    """mmdet's ``CocoMetric`` in which a label means the name of a category.

    A class that the annotation file does not list has no AP, and only the pictures that were tested
    count: mmdet counts all others of the file as missed.

    Args:
        ann_file (str, optional): The annotations. Defaults to None: those of the samples.
        **kwargs: See mmdet's ``CocoMetric``.

    Raises:
        ValueError: If the file is not as :func:`read_coco` takes it, or if masks are to be compared
            and an object in it has none.
    """

    def __init__(self, ann_file: Optional[str] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if ann_file is None:
            return
        with get_local_path(ann_file, backend_args=self.backend_args) as path:
            self._coco_api = NamedCOCO(path)
        if 'segm' in self.metrics and not self.format_only:
            self._check_masks(ann_file)

    def _check_masks(self, ann_file: str) -> None:
        objects = self._coco_api.anns.values()
        absent = sum(not obj.get('segmentation') for obj in objects)
        void = [
            obj for obj in objects if obj.get('segmentation') and not read_mask(obj['segmentation'])
        ]
        if lack_masks(absent, len(void), len(objects)):
            raise ValueError(f'{ann_file}, the annotation file of the evaluator: '
                             f'{absent + len(void)} objects have no mask ("segmentation"); add the '
                             'masks, or set metric="bbox"')
        for obj in void:  # pycocotools takes four numbers for a box, and crashes on two
            image = self._coco_api.imgs[obj['image_id']]
            size = [int(image['height']), int(image['width'])]
            obj['segmentation'] = dict(size=size, counts=[size[0] * size[1]])

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Compare with the annotations of the tested pictures."""
        if self._coco_api is not None:
            self.cat_ids = category_ids(self._coco_api, self.dataset_meta['classes'])
            self.img_ids = [prediction['img_id'] for _, prediction in results]
        return super().compute_metrics(results)
