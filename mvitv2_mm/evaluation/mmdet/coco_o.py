from typing import Dict, List, Sequence, Tuple

from mmengine.evaluator import BaseMetric

from ...registry import METRICS

_SLOPE = 0.45  # AP on COCO-O over AP on COCO of the detectors of the paper


@METRICS.register_module()
class COCOOMetric(BaseMetric):
    """Box AP in the domains of COCO-O, their mean, and the effective robustness.

    The effective robustness is what a detector has beyond what its AP on COCO lets expect::

        effective_robustness = mean AP of the domains - 0.45 * AP on COCO

    Args:
        roots (dict[str, str]): Folder of COCO, named 'coco', and of each domain. Each holds
            ``annotations/instances_val2017.json``; an image belongs to the folder that its path
            starts with.
        collect_device (str): Where processes exchange results, 'cpu' or 'gpu'. Defaults to 'cpu'.

    Raises:
        ValueError: If COCO is missing in ``roots`` or an image lies in none of them.

    Source: COCO-O paper (arXiv 2307.12730); the definition of effective robustness is that of
    arXiv 2007.00644. With it, the published 30.9 AP on COCO-O of MViTv2-H (56.1 on COCO) give the
    published 5.6.
    """
    default_prefix = 'coco-o'

    def __init__(self, roots: Dict[str, str], collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        if 'coco' not in roots or len(roots) < 2:
            raise ValueError('"roots" of COCOOMetric should name the folder "coco" and those of '
                             f'the domains, but got {list(roots)}')
        self.roots = {name: f'{root.rstrip("/")}/' for name, root in roots.items()}
        files = {n: f'{r}annotations/instances_val2017.json' for n, r in self.roots.items()}
        self.metrics = {
            name: METRICS.build(dict(type='mmdet.CocoMetric', ann_file=file))
            for name, file in files.items()
        }

    @property
    def dataset_meta(self) -> dict:
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        self._dataset_meta = dataset_meta
        for metric in self.metrics.values():
            metric.dataset_meta = dataset_meta

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the boxes of each image under the name of its folder."""
        for sample in data_samples:
            name = self._name(sample['img_path'])
            boxes = {k: v for k, v in sample['pred_instances'].items() if k != 'masks'}
            metric = self.metrics[name]
            metric.process(data_batch, [{**sample, 'pred_instances': boxes}])
            self.results.append((name, metric.results.pop()))

    def _name(self, path: str) -> str:
        names = [name for name, root in self.roots.items() if path.startswith(root)]
        if not names:
            raise ValueError(f'image "{path}" lies in none of the folders of COCOOMetric: '
                             f'{", ".join(self.roots.values())}')
        return max(names, key=lambda name: len(self.roots[name]))  # one may hold the others

    def compute_metrics(self, results: List[Tuple[str, tuple]]) -> Dict[str, float]:
        """AP of each folder, mean of the domains and effective robustness, all in [0, 1]."""
        aps = {}
        for name, metric in self.metrics.items():
            images = [result for owner, result in results if owner == name]
            aps[name] = metric.compute_metrics(images)['bbox_mAP']
        domains = [ap for name, ap in aps.items() if name != 'coco']
        mean = sum(domains) / len(domains)
        robustness = mean - _SLOPE * aps['coco']
        metrics = {f'bbox_mAP_{name}': ap for name, ap in aps.items()}
        return {**metrics, 'bbox_mAP': mean, 'effective_robustness': robustness}
