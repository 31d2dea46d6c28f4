#!/usr/bin/env python
"""Train a model of any task from a config."""
import argparse
from typing import List, Optional

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner

from mvitv2_mm.checkpoints import CheckpointError
from mvitv2_mm.checkpoints.zoo import check_exists
from mvitv2_mm.engine.early_checks import check_data, check_datasets
from mvitv2_mm.engine.hooks import SameClassesHook
from mvitv2_mm.engine.launch import (add_runner_arguments, build_runner, load_runner_config,
                                     one_line_errors)
from mvitv2_mm.engine.loaders import check_batches, check_channels, check_loaders
from mvitv2_mm.engine.resuming import find_resume
from mvitv2_mm.engine.schedule import fit_schedule
from mvitv2_mm.engine.stopping import Signals, StopHook


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_runner_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from a checkpoint, by default from the latest one in the work dir')
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--amp-dtype',
        choices=['float16', 'bfloat16'],
        help='type of mixed precision (implies --amp), by default bfloat16 on a CPU, else float16')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the batch size over auto_scale_lr.base_batch_size')
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training')
    return parser.parse_args(argv)


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the arguments of training to the config."""
    if args.resume:
        cfg.load_from = find_resume(cfg) if args.resume == 'auto' else args.resume
        cfg.resume = True
    if cfg.get('load_from'):
        check_exists(cfg.load_from)
    if args.amp or args.amp_dtype:
        cfg.optim_wrapper.type = 'mvitv2_mm.AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.amp_dtype:
        if args.amp_dtype == 'float16' and get_device() == 'cpu':
            raise ValueError('--amp-dtype float16 needs a GPU; on a CPU use bfloat16')
        cfg.optim_wrapper.dtype = args.amp_dtype
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError(f'--auto-scale-lr: "{args.config}" does not say for which batch size '
                             'its learning rate is; add auto_scale_lr=dict(base_batch_size=...)')
        cfg.auto_scale_lr.enable = True
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None


def main(argv: Optional[List[str]] = None) -> Runner:
    args = parse_args(argv)
    with one_line_errors():
        cfg = load_runner_config(args)
        merge_args(cfg, args)
        fit_schedule(cfg)
        check_data(cfg, ['train', 'val'])
        check_loaders(cfg, ['train', 'val'])
        runner = build_runner(cfg)
        check_channels(runner.model)
        check_datasets(runner, ['train', 'val'])
        check_batches(runner)
    if cfg.get('resume'):
        runner.register_hook(SameClassesHook('train'))
    with Signals() as signals, one_line_errors(CheckpointError, OSError):
        runner.register_hook(StopHook(signals))
        runner.train()
    return runner


if __name__ == '__main__':
    main()
