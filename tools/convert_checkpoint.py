#!/usr/bin/env python
"""Convert MViTv2 checkpoints of mvit, SlowFast, detectron2, torchvision, timm and OpenMMLab.

Training and testing read all of them unconverted; this script is for files to keep or to pass on.
"""
import argparse
from typing import List, Optional

from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mvitv2_mm.checkpoints import ZOO, convert
from mvitv2_mm.checkpoints.conversion import TARGETS
from mvitv2_mm.checkpoints.transfer import INFLATE_MODES
from mvitv2_mm.engine.launch import load_config, one_line_errors


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', nargs='?', help='file, URL, or name of a published model')
    parser.add_argument(
        'dst',
        nargs='?',
        help='file to write: .pth, .pyth, .safetensors, or .pkl for detectron2; without it, SRC is '
        'only described')
    parser.add_argument(
        '--to', choices=TARGETS, default='openmmlab', help='names to write (default: %(default)s)')
    parser.add_argument('--config', help='config of the model that SRC must fit')
    parser.add_argument(
        '--inflate',
        choices=INFLATE_MODES,
        default='centre',
        help='how an image checkpoint fills the frames of a video config (default: %(default)s)')
    parser.add_argument('--list', action='store_true', help='list the published models')
    args = parser.parse_args(argv)
    if not args.list and not args.src:
        parser.error('give SRC, or --list')
    return args


def list_models() -> None:
    """Print what is known of every published model."""
    for model in ZOO.values():
        facts = [f'{model.params:,} parameters', model.licence]
        facts += [f'{model.size_mib} MiB'] if model.size_mib else []
        facts += [f'SHA-256 {model.sha256}...'] if model.sha256 else []
        print(f'{model.name}\n    {", ".join(facts)}\n    config {model.config}\n    {model.url}')


def build_model(path: str) -> nn.Module:
    """Build the model of a config."""
    cfg = load_config(path)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    return MODELS.build(cfg.model)


def main(argv: Optional[List[str]] = None) -> None:
    args = parse_args(argv)
    with one_line_errors():
        if args.list:
            return list_models()
        model = build_model(args.config) if args.config else None
        print(convert(args.src, args.dst, args.to, model, args.inflate))


if __name__ == '__main__':
    main()
