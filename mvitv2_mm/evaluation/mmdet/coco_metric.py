from contextlib import contextmanager
from importlib import import_module
from typing import Dict, Iterator, List, Optional

from mmdet.evaluation import metrics as host
from mmengine.fileio import get_local_path
from mmengine.logging import print_log
from pycocotools.cocoeval import COCOeval

from ...compat.versions import Window
from ...datasets.coco_format import lack_masks, read_mask
from ...datasets.mmdet.coco_dataset import NamedCOCO, category_ids
from ...registry import METRICS

FASTER = Window('faster-coco-eval', '1.8', '2', tested='1.8.0')


def faster_evaluation() -> type:
    """pycocotools' evaluation, of which faster-coco-eval computes what takes the time."""
    base = import_module('faster_coco_eval.core.faster_eval_api').COCOeval_faster
    # the 12 figures, of which pycocotools takes the first of 100 detections per picture
    return type('FasterCOCOeval', (base, ), dict(summarize=COCOeval.summarize))


@contextmanager
def _evaluated_by(kind: type) -> Iterator[None]:
    """Let mmdet evaluate with another class than pycocotools'."""
    module = import_module('mmdet.evaluation.metrics.coco_metric')
    before = module.COCOeval
    module.COCOeval = kind
    try:
        yield
    finally:
        module.COCOeval = before


@METRICS.register_module()
class CocoMetric(host.CocoMetric):
    """mmdet's ``CocoMetric`` in which a label means the name of a category.

    A class that the annotation file does not list has no AP, and only the pictures that were tested
    count: mmdet counts all others of the file as missed.

    Args:
        ann_file (str, optional): The annotations. Defaults to None: those of the samples.
        faster (bool): Evaluate with faster-coco-eval where it is installed, instead of with
            pycocotools. The figures are the same. Defaults to True.
        **kwargs: See mmdet's ``CocoMetric``.

    Raises:
        ValueError: If the file is not as :func:`read_coco` takes it, or if masks are to be compared
            and an object in it has none.
    """

    def __init__(self, ann_file: Optional[str] = None, faster: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.faster = faster and bool(FASTER.installed()) and not FASTER.misfit()
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
        if not self.faster:
            return super().compute_metrics(results)
        print_log(f'faster-coco-eval {FASTER.installed()} evaluates', 'current')
        with _evaluated_by(faster_evaluation()):
            return super().compute_metrics(results)
