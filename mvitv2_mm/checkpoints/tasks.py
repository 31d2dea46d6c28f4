"""What the config of a model says about its task and its classes."""
from typing import Optional, Tuple

from mmengine.config import Config
from mmengine.registry import DATASETS


def task_of(cfg: Config) -> Optional[str]:
    """'image', 'detection', 'video' or 'action_detection'; None for what predicts no classes."""
    if count_classes(cfg.get('model') or {}) is None:
        return None
    if cfg.get('default_scope') == 'mmaction':
        return 'action_detection' if 'roi_head' in cfg.model else 'video'
    return dict(mmpretrain='image', mmdet='detection').get(cfg.get('default_scope'))


def count_classes(model: dict) -> Optional[int]:
    """Number of classes that the head in the config of a model tells apart, None if unknown."""
    model = model.get('module') or model  # of test-time augmentation
    roi_head = model.get('roi_head') or {}
    head = model.get('head') or model.get('cls_head') or roi_head.get('bbox_head') or {}
    head = head[0] if isinstance(head, (list, tuple)) else head
    return head.get('num_classes')


def classes_of_data(cfg: Config) -> Optional[Tuple[str, ...]]:
    """Class names of the test data as its config, or else its class, states them."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset or dataset.get('datasets'):
        dataset = dataset.get('dataset') or dataset['datasets'][0]
    classes = (dataset.get('metainfo') or {}).get('classes')
    if classes is None and 'type' in dataset:
        with DATASETS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
            kind = registry.get(dataset['type'])
        classes = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    return tuple(map(str, classes)) if classes and not isinstance(classes, str) else None
