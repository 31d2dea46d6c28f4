"""Names of the classes of the public datasets, in the order of the published weights."""
from importlib import import_module
from pathlib import Path
from typing import Mapping, Optional, Tuple

_DATA = Path(__file__).with_name('labels')
# datasets whose names an installed library holds: module, object, key
_OF_LIBRARIES = {
    'in1k': ('mmpretrain.datasets.categories', 'IMAGENET_CATEGORIES'),
    'coco': ('mmdet.datasets.coco', 'CocoDataset'),
    'lvis': ('mmdet.datasets.lvis', 'LVISV1Dataset'),
}
# how the names of published models call datasets
_DATASETS = dict(in1k='in1k', in21k='in21k', coco='coco', lvis='lvis', k400='k400', ssv2='sthv2')


def published_classes(dataset: str) -> Optional[Tuple[str, ...]]:
    """Class names of a public dataset in the order of its published classifiers.

    Args:
        dataset (str): 'in1k', 'coco', 'lvis', 'k400', 'k600', 'k700', 'sthv2' or 'ava'.

    Returns:
        tuple[str] | None: The names; None for other datasets, such as ImageNet-21K, the order of
        whose classes is not published.

    Raises:
        ImportError: If the library that holds the names is not installed.
    """
    if dataset in _OF_LIBRARIES:
        module, name = _OF_LIBRARIES[dataset]
        found = getattr(import_module(module), name)
        return tuple(found.METAINFO['classes'] if hasattr(found, 'METAINFO') else found)
    path = _DATA / f'{dataset}.txt'
    return tuple(path.read_text(encoding='utf-8').splitlines()) if path.is_file() else None


def trained_classes(meta: Mapping) -> Optional[Tuple[str, ...]]:
    """Class names of the training data that mmengine notes in the ``meta`` of a checkpoint."""
    data = meta.get('dataset_meta')
    classes = (data.get('classes') or data.get('CLASSES')) if isinstance(data, dict) else None
    return tuple(map(str, classes)) if isinstance(classes, (list, tuple)) else None


def dataset_of(published: str) -> Optional[str]:
    """Dataset of a published model by its name, for instance 'k400' of 'mvitv2-base-32x3_k400'."""
    for part in reversed(published.split('_')):  # a pre-training, or who published it, may be named
        dataset = part.rpartition('-')[2]
        if dataset in _DATASETS:
            return _DATASETS[dataset]
    return None
