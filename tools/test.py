#!/usr/bin/env python
"""Test a checkpoint of any task with a config."""
import argparse
import os
from importlib import import_module
from typing import Dict, List, Optional

from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process

from mvitv2_mm.checkpoints import CheckpointError
from mvitv2_mm.checkpoints.zoo import check_exists
from mvitv2_mm.engine.early_checks import check_data, check_not_empty
from mvitv2_mm.engine.launch import (add_runner_arguments, build_runner, dump_atomically,
                                     load_runner_config, one_line_errors)
from mvitv2_mm.engine.nested_datasets import leaf_datasets

# per host: the visualizer, the hook that uses it on every sample, and the hook's output folder
PICTURES = {
    'mmpretrain':
    ('UniversalVisualizer', dict(type='mvitv2_mm.ImageVisualizationHook', enable=True,
                                 interval=1), 'out_dir'),
    'mmdet': ('DetLocalVisualizer', dict(type='DetVisualizationHook', draw=True), 'test_out_dir'),
    'mmaction': ('ActionVisualizer',
                 dict(type='mvitv2_mm.VideoVisualizationHook', enable=True, interval=1), 'out_dir'),
}


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_runner_arguments(parser)
    parser.add_argument('checkpoint', help='path or URL of the checkpoint')
    parser.add_argument(
        '--dump',
        metavar='FILE.pkl',
        help='save all predictions, for tools/analysis_tools/eval_metric.py')
    parser.add_argument('--out-metrics', metavar='FILE.json', help='save the metrics')
    parser.add_argument('--show-dir', metavar='FOLDER', help='save a picture of every prediction')
    parser.add_argument(
        '--tta', action='store_true', help="use the config's test-time augmentation")
    return parser.parse_args(argv)


def use_tta(cfg: Config) -> None:
    """Wrap the model and switch to the pipeline for test-time augmentation."""
    missing = [key for key in ('tta_model', 'tta_pipeline') if key not in cfg]
    if missing:
        raise ValueError(f'--tta: "{cfg.filename}" has no {" and no ".join(missing)}; run without '
                         '--tta or use a config that defines test-time augmentation')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    for _, dataset in leaf_datasets(cfg.test_dataloader.dataset):
        dataset.pipeline = cfg.tta_pipeline


def dump_predictions(cfg: Config, path: str) -> None:
    """Add the metric that saves the predictions; mmdet's own one packs the masks."""
    if not path.endswith(('.pkl', '.pickle')):
        raise ValueError(f'--dump: "{path}" should end with .pkl')
    evaluators = cfg.test_evaluator
    evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
    metric = 'DumpDetResults' if cfg.default_scope == 'mmdet' else 'DumpResults'
    cfg.test_evaluator = [*evaluators, dict(type=metric, out_file_path=path)]


def draw_predictions(cfg: Config, folder: str) -> None:
    """Let a visualization hook draw every sample into the folder."""
    visualizer, hook, folder_key = PICTURES[cfg.default_scope]
    if hook['type'].startswith('mvitv2_mm.'):
        import_module(f'mvitv2_mm.engine.{cfg.default_scope}.visualization')
    cfg.visualizer = {'type': visualizer, **(cfg.get('visualizer') or {})}
    cfg.default_hooks.visualization = {**hook, folder_key: os.path.abspath(folder)}


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the arguments of testing to the config."""
    check_exists(args.checkpoint)
    cfg.load_from = args.checkpoint
    cfg.pop('strategy', None)  # FSDP is for training; test-time augmentation does not work with it
    if args.tta:
        use_tta(cfg)
    if args.dump:
        dump_predictions(cfg, args.dump)
    if args.show_dir:
        draw_predictions(cfg, args.show_dir)
    if args.out_metrics and not args.out_metrics.endswith('.json'):
        raise ValueError(f'--out-metrics: "{args.out_metrics}" should end with .json')


def main(argv: Optional[List[str]] = None) -> Dict[str, float]:
    args = parse_args(argv)
    with one_line_errors():
        cfg = load_runner_config(args)
        merge_args(cfg, args)
        check_data(cfg, ['test'])
    runner = build_runner(cfg)
    with one_line_errors():
        check_not_empty(runner, ['test'])
    with one_line_errors(CheckpointError):
        metrics = runner.test()
    if args.out_metrics and is_main_process():
        dump_atomically(metrics, args.out_metrics)
    return metrics


if __name__ == '__main__':
    main()
