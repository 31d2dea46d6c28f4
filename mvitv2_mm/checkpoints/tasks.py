"""What the config of a model says about its task and its classes, and what of it predicts."""
from pathlib import Path
from typing import Optional, Tuple

from mmengine.config import Config
from mmengine.registry import DATASETS

from ..config_walk import dicts_in, leaf_datasets
from .class_names import published_classes

# what predicting and testing read of a config
_SECTIONS = ('model', 'data_preprocessor', 'tta_model', 'tta_pipeline', 'test_dataloader',
             'test_evaluator', 'test_cfg', 'default_scope', 'default_hooks', 'custom_imports',
             'env_cfg', 'visualizer', 'log_processor', 'log_level', 'randomness')


def task_of(cfg: Config) -> Optional[str]:
    """'image', 'detection', 'video' or 'action_detection'; None for what predicts no classes."""
    if count_classes(cfg.get('model') or {}) is None:
        return None
    if cfg.get('default_scope') == 'mmaction':
        return 'action_detection' if 'roi_head' in cfg.model else 'video'
    return dict(mmpretrain='image', mmdet='detection').get(cfg.get('default_scope'))


def count_classes(model: dict) -> Optional[int]:
    """Number of classes that the head in the config of a model tells apart, None if unknown."""
    while 'module' in model:  # of test-time augmentation, or in an exported file
        model = model['module']
    roi_head = model.get('roi_head') or {}
    head = model.get('head') or model.get('cls_head') or roi_head.get('bbox_head') or {}
    head = head[0] if isinstance(head, (list, tuple)) else head
    return head.get('num_classes')


def data_of(cfg: Config, loader: str = 'test_dataloader') -> dict:
    """The config of the first dataset of a loader, without its wrappers; empty if there is none."""
    _, dataset = next(leaf_datasets((cfg.get(loader) or {}).get('dataset') or {}), ('', {}))
    return dataset


def classes_of_data(cfg: Config) -> Optional[Tuple[str, ...]]:
    """Class names of the test data as its config, its class, or its metric states them."""
    dataset = data_of(cfg)
    classes = (dataset.get('metainfo') or {}).get('classes')
    if classes is None and 'type' in dataset:
        with DATASETS.switch_scope_and_registry(cfg.get('default_scope')) as registry:
            kind = registry.get(dataset['type'])
        classes = (getattr(kind, 'METAINFO', None) or {}).get('classes')
    evaluator = cfg.get('test_evaluator')
    if classes is None and isinstance(evaluator, dict):
        if Path(evaluator.get('label_file') or '').name.startswith('ava_action_list_v2'):
            classes = published_classes('ava')
    return tuple(map(str, classes)) if classes and not isinstance(classes, str) else None


def for_prediction(cfg: Config) -> Config:
    """A copy of the sections that predicting and testing read, which loads no weights."""
    content = {key: value for key, value in cfg.to_dict().items() if key in _SECTIONS}
    preprocessor = content.pop('data_preprocessor', None)
    if preprocessor is not None:
        content['model'].setdefault('data_preprocessor', preprocessor)
    _drop_loading(content['model'])
    return Config(content, filename=cfg.filename)


def _drop_loading(model: dict) -> None:
    """Take out of the config of a model what would load weights into its parts."""
    for node in dicts_in(model):
        inits = node.get('init_cfg')
        inits = inits if isinstance(inits, (list, tuple)) else [inits]
        if any(isinstance(init, dict) and 'checkpoint' in init for init in inits):
            del node['init_cfg']
        if isinstance(node.get('pretrained'), str):
            del node['pretrained']
