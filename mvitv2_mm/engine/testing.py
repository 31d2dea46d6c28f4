"""From a config and a checkpoint to a Runner that is ready to test."""
import os
from importlib import import_module
from typing import Any, Dict, Optional, Tuple, Union

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.dist import barrier
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import FlexibleRunner, Runner

from ..checkpoints.known_types import check_data_files
from ..checkpoints.model_source import open_model
from ..checkpoints.zoo import check_exists
from ..config_walk import leaf_datasets, metrics_of
from ..errors import UsageError
from .checks import check_config, check_runner
from .checks.files import lacks_ground_truth
from .checks.output import check_output
from .hooks import SameClassesHook
from .launch import TESTED, build_runner, load_config, load_runner_config, set_run
from .lost_workers import limit_waiting

# per host: the visualizer, the hook that uses it on every sample, and the hook's output folder
PICTURES = {
    'mmpretrain':
    ('UniversalVisualizer', dict(type='mvitv2_mm.ImageVisualizationHook', enable=True,
                                 interval=1), 'out_dir'),
    'mmdet': ('DetLocalVisualizer', dict(type='DetVisualizationHook', draw=True), 'test_out_dir'),
    'mmaction': ('ActionVisualizer',
                 dict(type='mvitv2_mm.VideoVisualizationHook', enable=True, interval=1), 'out_dir'),
}

_DUMP, _PICTURES = 'mvitv2_mm.DumpPredictions', 'mvitv2_mm.PictureHook'


def prepare_test(config: str,
                 checkpoint: Optional[str] = None,
                 cfg_options: Optional[dict] = None,
                 work_dir: Optional[str] = None,
                 launcher: str = 'none',
                 local_rank: int = 0,
                 dump: Optional[str] = None,
                 show_dir: Optional[str] = None,
                 tta: bool = False) -> Union[Runner, FlexibleRunner]:
    """Check a config and its data, and build its Runner; ``.test()`` then gives the metrics.

    Args:
        config (str): Path of a config, or the name of one of the zoo; or, without ``checkpoint``,
            what :func:`open_model` takes, such as a model folder.
        checkpoint (str, optional): A file, a URL, or the name of a published model. Defaults to
            None.
        cfg_options (dict, optional): Dotted keys and values that change it. Defaults to None.
        work_dir (str, optional): See :func:`load_runner_config`. Defaults to None.
        launcher (str): See :func:`load_runner_config`. Defaults to 'none'.
        local_rank (int): See :func:`load_runner_config`. Defaults to 0.
        dump (str, optional): File for all predictions, '.pkl'. Defaults to None.
        show_dir (str, optional): Folder for a picture of every prediction. Defaults to None.
        tta (bool): Use the config's test-time augmentation. Defaults to False.

    Raises:
        UsageError: If config, checkpoint or options are wrong.
        ValueError: If the data does not fit the config.
        OSError: If files are missing or cannot be written.
        ImportError: If the config needs a library that is not installed.
    """
    cfg, classes = _open(config, checkpoint, cfg_options, work_dir, launcher, local_rank)
    if tta:
        use_tta(cfg)
    _set_results(cfg, dump, show_dir)
    check_config(cfg, ['test'])
    limit_waiting(cfg, ['test'])
    runner = build_runner(cfg, TESTED)
    check_runner(runner, ['test'])
    runner.register_hook(SameClassesHook('test', classes))
    return runner


def _open(config: str, checkpoint: Optional[str], cfg_options: Optional[dict], *run:
          Any) -> Tuple[Config, Optional[Tuple[str, ...]]]:
    """The config of a test that loads the weights, and the classes that a model tells."""
    classes = None
    if checkpoint is None:
        model = open_model(config, cfg_options=cfg_options)
        cfg = set_run(model.cfg, model.name, *run)
        check_data_files(cfg, config)
        checkpoint, classes = None if model.is_exported else model.weights, model.classes
    else:
        cfg = load_runner_config(config, cfg_options, *run)
        check_exists(checkpoint)
    # a config that a resumed training has left says that it was resumed
    cfg.load_from, cfg.resume = checkpoint, False
    cfg.pop('strategy', None)  # FSDP is for training; test-time augmentation does not work with it
    return cfg, classes


def _set_results(cfg: Config, dump: Optional[str], show_dir: Optional[str]) -> None:
    """Set what is done with predictions: metrics, a dump, pictures."""
    _drop_results(cfg)
    if lacks_ground_truth(cfg.test_dataloader):
        if not dump and not show_dir:
            raise UsageError('the test set has no ground truth to compare with; --dump FILE.pkl '
                             'saves the predictions, --show-dir FOLDER draws them')
        cfg.test_evaluator = []
    if dump:
        _dump_predictions(cfg, dump)
    if show_dir:
        _draw_predictions(cfg, show_dir)


def _drop_results(cfg: Config) -> None:
    """Forget where an earlier test, which wrote this config, has saved its predictions."""
    metrics = [metric for _, metric in metrics_of(cfg, 'test')]
    if any(metric.get('type') == _DUMP for metric in metrics):
        cfg.test_evaluator = [metric for metric in metrics if metric.type != _DUMP]
    hooks = cfg.get('default_hooks') or {}
    if (hooks.get('visualization') or {}).get('type') == _PICTURES:
        del hooks['visualization']


def check_saved(runner: Union[Runner, FlexibleRunner]) -> None:
    """After a test, whose metrics are known, see whether predictions and pictures are saved.

    Raises:
        OSError: If not, for instance because the disk is full.
    """
    barrier()  # all processes have told their metrics
    for part in (*runner.test_loop.evaluator.metrics, *runner.hooks):
        trouble = getattr(part, 'trouble', None)
        if trouble is not None:
            raise trouble


def use_tta(cfg: Config) -> None:
    """Wrap the model and switch to the pipeline for test-time augmentation."""
    missing = [key for key in ('tta_model', 'tta_pipeline') if key not in cfg]
    if missing:
        where = cfg.filename or 'the config of the model'
        raise UsageError(f'--tta: {where} has no {" and no ".join(missing)}; run without --tta or '
                         'use a config that defines test-time augmentation')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    for _, dataset in leaf_datasets(cfg.test_dataloader.dataset):
        dataset.pipeline = cfg.tta_pipeline


def _dump_predictions(cfg: Config, path: str) -> None:
    """Add the metric that saves the predictions; that for mmdet packs the masks."""
    check_output('--dump', path, '.pkl', '.pickle')
    evaluators = [evaluator for _, evaluator in metrics_of(cfg, 'test')]
    metric = 'DumpDetResults' if cfg.default_scope == 'mmdet' else 'DumpResults'
    dump = dict(type=metric, out_file_path=path)
    cfg.test_evaluator = [*evaluators, dict(type=_DUMP, metric=dump)]


def _draw_predictions(cfg: Config, folder: str) -> None:
    """Let a visualization hook draw every sample into the folder."""
    check_output('--show-dir', os.path.join(folder, 'picture'))
    visualizer, hook, folder_key = PICTURES[cfg.default_scope]
    if hook['type'].startswith('mvitv2_mm.'):
        import_module(f'mvitv2_mm.engine.{cfg.default_scope}.visualization')
    cfg.visualizer = {'type': visualizer, **(cfg.get('visualizer') or {})}
    cfg.default_hooks.visualization = dict(
        type=_PICTURES, hook=hook, folder_key=folder_key, folder=os.path.abspath(folder))


def evaluate_dump(config: str,
                  predictions: str,
                  cfg_options: Optional[dict] = None) -> Dict[str, float]:
    """Metrics of predictions that a test has dumped.

    Args:
        config (str): Path of a config, or the name of one of the zoo.
        predictions (str): The dumped file, which must be from a source that is trusted.
        cfg_options (dict, optional): Dotted keys and values that change it. Defaults to None.
    """
    cfg = load_config(config, cfg_options)
    _drop_results(cfg)
    samples = mmengine.load(predictions)
    init_default_scope(cfg.default_scope)
    # only its meta information is needed, not its annotations
    _, dataset = next(leaf_datasets(cfg.test_dataloader.dataset))
    dataset = DATASETS.build({**dataset, 'pipeline': [], 'lazy_init': True})
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for metric in evaluator.metrics:
        if hasattr(metric, 'img_ids'):  # of CocoMetric: pictures that were not tested do not count
            metric.img_ids = [sample['img_id'] for sample in samples]
    return evaluator.offline_evaluate(samples)
