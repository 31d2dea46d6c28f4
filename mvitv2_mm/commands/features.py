"""``python -m mvitv2_mm features MODEL INPUT... --out FILE|FOLDER``."""
import argparse
import sys

from .frame import (add_batch_arguments, add_config_options, add_model_arguments,
                    add_video_arguments, call, print_json)

HELP = 'Write what the network sees in pictures and clips: one vector each, or maps of a scale.'
EXAMPLE = 'python -m mvitv2_mm features mvitv2-tiny_in1k photos/ --out photos.npy'
JSON = 'a summary'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model_arguments(parser, 'what "predict" takes')
    parser.add_argument(
        '--out',
        required=True,
        metavar='FILE|FOLDER',
        help='a .safetensors, .npy or .parquet file, or a folder for .safetensors of 256 MiB; the '
        'same command again goes on where it stopped')
    parser.add_argument(
        '--scale',
        choices=['pooled', '0', '1', '2', '3'],
        default='pooled',
        help='one vector, what the classifier reads, or the map of a scale, 0 the finest')
    add_batch_arguments(parser)
    add_video_arguments(parser)
    add_config_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write features; exit code 1 if an input failed."""
    from ..checkpoints.model_source import open_model
    from ..inference.feature_job import write_features
    opened = open_model(args.model, args.checkpoint, args.cfg_options)
    scale = args.scale if args.scale == 'pooled' else int(args.scale)
    summary = call(write_features, args, opened=opened, scale=scale)
    if args.json:
        print_json(dict(out=args.out, written=summary.records, failed=summary.failed))
    print(summary.describe(), file=sys.stderr)
    return int(summary.failed > 0)
