"""From own data to the settings of a training: classes, files, network, length, batches."""
import math
import os
from typing import Iterator, List, Optional

from mmengine.config import Config

from ..config_edit import edit
from ..config_options import apply_options
from ..config_walk import dicts_in, leaf_datasets, metrics_of, read_config
from .networks import Start
from .writing import WrittenData

LOOPS = ('train', 'val', 'test')
_MIN_STEPS = 200  # of the optimizer; few samples come more often
_NUM_VALIDATIONS = 25
_SHOWN_CLASSES = 30


def make_config(data: WrittenData, start: Start, epochs: Optional[int] = None) -> Config:
    """The settings with which a network is trained on own data.

    Args:
        data (WrittenData): The data, converted.
        start (Start): The network and its weights.
        epochs (int, optional): Length of the training. Defaults to None: that of the recipe, or
            more if the data is so small that the optimizer would hardly step.

    Returns:
        Config: All settings, concrete; batches are those of the recipe, see :func:`set_batch`.
    """
    cfg = read_config(start.base)
    if start.variables:
        cfg = apply_options(cfg, start.variables)
    cfg.data_root = data.data_root
    if start.network is not None:
        _use_network(cfg, start.network)
    if data.task == 'detection' and not data.has_masks:
        _leave_masks_out(cfg)
    _use_weights(cfg, start)
    _use_data(cfg, data)
    _use_classes(cfg, data)
    _fit_machine(cfg)
    _fit_batch(cfg, data.splits['train'].num_samples)
    _fit_length(cfg, data.splits['train'].num_samples, epochs)
    return cfg


def datasets(cfg: Config) -> Iterator[tuple]:
    """Loop and config of every dataset."""
    for loop in LOOPS:
        for _, dataset in leaf_datasets(cfg[f'{loop}_dataloader'].dataset):
            yield loop, dataset


def evaluators(cfg: Config, *loops: str) -> Iterator[tuple]:
    """Loop and config of every metric."""
    for loop in loops or LOOPS[1:]:
        yield from ((loop, metric) for _, metric in metrics_of(cfg, loop))


def _use_network(cfg: Config, network: Config) -> None:
    """Take the model of another config; what the recipe says about training it stays."""
    old, new = cfg.model, network.model
    backbone = dict(new.backbone, init_cfg=None)
    if 'with_cp' in old.backbone:
        backbone['with_cp'] = old.backbone.with_cp
    for key in ('neck', 'rpn_head', 'roi_head', 'head', 'cls_head', 'type'):
        if key in new:
            old[key] = new[key]
    old.backbone = backbone
    for key in ('mean', 'std'):
        old.data_preprocessor[key] = new.data_preprocessor[key]
    if cfg.default_scope == 'mmdet':
        old.train_cfg, old.test_cfg = new.train_cfg, new.test_cfg
    elif cfg.default_scope == 'mmaction' and 'train_dataloader' in network:
        for loop, dataset in datasets(cfg):  # clips of its length and size
            dataset.pipeline = network[f'{loop}_dataloader'].dataset.pipeline


def _leave_masks_out(cfg: Config) -> None:
    cfg.model.roi_head.update(mask_roi_extractor=None, mask_head=None)
    pipeline = cfg.train_dataloader.dataset.pipeline
    changes = dict(LoadAnnotations=dict(with_mask=False, with_bbox=True))
    if any(step.type == 'FilterAnnotations' for step in pipeline):
        changes['FilterAnnotations'] = dict(by_mask=False)
    cfg.train_dataloader.dataset.pipeline = edit(pipeline, **changes)
    for _, metric in evaluators(cfg):
        metric.metric = 'bbox'


def _use_weights(cfg: Config, start: Start) -> None:
    init_cfg = cfg.model.backbone.get('init_cfg')
    cfg.load_from = start.weights if start.whole else None
    if start.weights is None or start.whole:
        if init_cfg is not None:
            cfg.model.backbone.init_cfg = None
    else:
        pretrained = dict(type='Pretrained', prefix='backbone.', checkpoint=start.weights)
        cfg.model.backbone.init_cfg = pretrained


def _use_data(cfg: Config, data: WrittenData) -> None:
    """Name the files; without a test set the validation set is the test set."""
    for loop, dataset in datasets(cfg):
        split = data.splits.get(loop) or data.splits['val']
        dataset.update(data_root=data.data_root, ann_file=split.ann_file)
        if data.task == 'image':
            dataset.data_prefix = ''
        elif data.task == 'detection':
            dataset.data_prefix = dict(img='')
        else:
            dataset.data_prefix = {data.reading.get('key', 'video'): ''}
        for key in ('first_second', 'fps', 'filename_tmpl'):
            if key in data.reading:
                dataset[key] = data.reading[key]
    for loop, metric in evaluators(cfg):
        if 'ann_file' in metric:
            metric.ann_file = (data.splits.get(loop) or data.splits['val']).ann_file


def _use_classes(cfg: Config, data: WrittenData) -> None:
    number = len(data.classes)
    for node in dicts_in(cfg.model):
        if 'num_classes' in node:
            node['num_classes'] = number
    cfg.num_classes, cfg.classes = number, list(data.classes)
    for _, dataset in datasets(cfg):
        if data.task == 'action_detection':
            dataset.num_actions = number
        dataset.metainfo = dict(classes=list(data.classes))
    if data.task == 'detection' and number <= _SHOWN_CLASSES:
        for _, metric in evaluators(cfg, 'test'):
            metric.classwise = True


def samples_per_step(cfg: Config) -> int:
    """How many samples the optimizer sees in one step, in all passes together."""
    return cfg.train_dataloader.batch_size * cfg.optim_wrapper.get('accumulative_counts', 1)


def set_batch(cfg: Config, batch_size: int, per_step: int) -> None:
    """Take ``batch_size`` samples at a time, and ``per_step`` for each step of the optimizer."""
    cfg.train_dataloader.batch_size = batch_size
    cfg.optim_wrapper.accumulative_counts = per_step // batch_size
    if 'auto_scale_lr' in cfg:
        cfg.auto_scale_lr.base_batch_size = batch_size


def _fit_machine(cfg: Config) -> None:
    """No more processes read data than there are cores."""
    for loop in LOOPS:
        loader = cfg[f'{loop}_dataloader']
        loader.num_workers = min(loader.num_workers, os.cpu_count())


def _fit_batch(cfg: Config, num_samples: int) -> None:
    """No step of the optimizer sees more samples than there are; the rate goes along."""
    old = samples_per_step(cfg)
    new = min(old, 2**int(math.log2(num_samples)))
    cfg.optim_wrapper.optimizer.lr *= new / old
    set_batch(cfg, min(cfg.train_dataloader.batch_size, new), new)


def _fit_length(cfg: Config, num_samples: int, epochs: Optional[int]) -> None:
    old, steps = cfg.train_cfg.max_epochs, num_samples // samples_per_step(cfg)
    new = epochs or max(old, math.ceil(_MIN_STEPS / steps))
    passes = new * steps * cfg.optim_wrapper.accumulative_counts
    interval = max(1, new // _NUM_VALIDATIONS)
    cfg.train_cfg.update(
        max_epochs=new, val_interval=min(new, max(interval, cfg.train_cfg.val_interval)))
    cfg.default_hooks.checkpoint.interval = interval
    cfg.param_scheduler = list(_scaled(cfg.param_scheduler, new / old, passes))


def _scaled(schedulers: List[dict], factor: float, passes: int) -> Iterator[dict]:
    """Schedulers of a training that is ``factor`` times as long, and takes ``passes`` in all."""
    for scheduler in schedulers:
        scheduler = dict(scheduler)
        if not scheduler.get('by_epoch', True):
            scheduler['end'] = min(scheduler['end'], max(1, passes // 10))
        else:
            for key in ('begin', 'end'):
                if key in scheduler:
                    scheduler[key] = round(scheduler[key] * factor)
            if 'milestones' in scheduler:
                places = [int(place * factor) for place in scheduler['milestones']]
                scheduler['milestones'] = sorted({place for place in places if place})
        if scheduler.get('end') != scheduler.get('begin', 0):
            yield scheduler
