"""Do the parts of a Runner fit each other: model, datasets and batches?"""
from typing import Optional, Sequence, Sized

from mmengine.config import ConfigDict
from mmengine.dataset import InfiniteSampler
from mmengine.runner import Runner
from torch import Tensor, nn

from ...checkpoints.loading import find_backbone
from ...checkpoints.tasks import count_classes
from ...config_walk import leaf_datasets
from ...datasets.listed import ListedSamples


def check_datasets(runner: Runner, loops: Sequence[str]) -> None:
    """Build the datasets and metrics of loops, and see whether they fit each other and the model.

    Without a sample a training would crash inside the libraries, or wait forever.
    """
    names = {}
    for loop in loops:
        key = f'{loop}_dataloader'
        if runner.cfg.get(key) is None:
            continue
        dataset = _build_dataset(runner, key)
        classes = getattr(dataset, 'metainfo', {}).get('classes')
        if classes:
            names[key] = list(classes)
        _check_labels(f'{key}.dataset', dataset, classes, runner.cfg.model)
        if loop != 'train':
            getattr(runner, f'{loop}_loop')  # builds the metrics
    (first, wanted), *others = list(names.items()) or [('', [])]
    for key, classes in others:
        if classes != wanted:
            different = sorted(set(classes) ^ set(wanted)) or 'only their order'
            raise ValueError(f'{key}.dataset has other classes than {first}.dataset; different: '
                             f'{str(different)[:200]}. Set "metainfo.classes" of both to the same')


def _build_dataset(runner: Runner, key: str) -> Sized:
    try:
        dataset = getattr(runner, key).dataset
        if len(dataset):
            return dataset
    except ValueError as error:
        # mmengine's datasets pack their samples into one array
        if 'need at least one array' not in str(error):
            raise
    _, first = next(leaf_datasets(runner.cfg[key].dataset))
    metainfo = str(first.get('metainfo', {}))
    raise ValueError(f'{key}.dataset has no sample: its annotations hold none of the '
                     f'classes in its "metainfo" {metainfo[:200]}, or a filter drops all')


def _check_labels(key: str, dataset: Sized, classes: Optional[Sequence[str]],
                  model: ConfigDict) -> None:
    """See whether the model has the classes of a dataset."""
    num_classes = count_classes(model)
    if num_classes is None:
        return
    is_detector = model.get('module', model).get('roi_head') is not None
    if classes and (len(classes) > num_classes or is_detector and len(classes) != num_classes):
        raise ValueError(f'{key} has {len(classes)} classes, but the head of the model '
                         f'{num_classes}; set "num_classes" of the head')
    is_known = is_detector or classes and getattr(dataset, 'has_checked_labels', False)
    if isinstance(dataset, ListedSamples):
        is_known = is_known or dataset.has_labels_below(num_classes)
    for i in range(0 if is_known else len(dataset)):
        info = dataset.get_data_info(i)
        label = info.get('gt_label', info.get('label'))
        if isinstance(label, Tensor):
            return _check_several(key, label, num_classes, model)
        if label is None:
            return
        if not 0 <= label < num_classes:
            where = info.get('img_path') or info.get('filename') or info.get('frame_dir')
            raise ValueError(f'{key}: label {label} of {where} is outside of 0..{num_classes - 1}, '
                             'the classes of the model; labels count from 0')


def _check_several(key: str, label: Tensor, num_classes: int, model: ConfigDict) -> None:
    if len(label) != num_classes:
        raise ValueError(f'{key} has {len(label)} classes, but the head of the model {num_classes}')
    head = model.get('module', model).get('cls_head', {})
    if not head.get('multi_class'):
        raise ValueError(f'{key} has several labels per clip; set multi_class=True, '
                         'loss_cls=dict(type="BCELossWithLogits"), label_smooth_eps=0 and '
                         'average_clips="score" in "cls_head"')


def check_full_batch(runner: Runner) -> None:
    """Raise ValueError if the samples of a training are too few for one batch."""
    loader = runner.train_dataloader
    sampler = getattr(loader.sampler, 'sampler', loader.sampler)
    if isinstance(sampler, InfiniteSampler) or len(loader):
        return
    num, batch = len(loader.sampler), runner.cfg.train_dataloader.get('batch_size')
    raise ValueError(f'train_dataloader: {num} samples for each process do not fill a batch of '
                     f'{batch}; add --cfg-options train_dataloader.batch_size={max(num, 1)}')


def check_channels(model: nn.Module) -> None:
    """Raise ValueError if what follows the MViTv2 of a model takes other channels than it gives."""
    found = find_backbone(model) if isinstance(model, nn.Module) else None  # built later
    if found is None or found[0] != 'backbone.':
        return
    _, backbone, model = found
    parts = dict(model.named_modules())
    for name in ('neck', 'head', 'cls_head', 'roi_head.bbox_head'):
        taken = getattr(parts.get(name), 'in_channels', None)
        if taken is None:
            continue
        given = list(backbone.out_channels)
        given = given if isinstance(taken, (list, tuple)) else given[-1]
        if taken not in (given, backbone.out_channels):
            raise ValueError(
                f'model.{name} takes {taken} channels, but the backbone gives {given}; '
                f'add --cfg-options "model.{name}.in_channels={given}"')
        return
