"""``python -m mvitv2_mm export MODEL``."""
import argparse
import sys
from typing import List

from .frame import MODEL, add_config_options, print_json

HELP = 'Write a model as a file for other programs, and prove that it gives the same.'
EXAMPLE = 'python -m mvitv2_mm export mvitv2-tiny_in1k --out mvitv2-tiny.onnx'
JSON = 'what is written beside the file'
FORMATS = {'onnx': '.onnx', 'openvino': '.xml', 'torch': '.pt2'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument('model', metavar='MODEL', help='what "predict" takes').complete = MODEL
    parser.add_argument('--checkpoint', help='weights, where MODEL is a config')
    parser.add_argument(
        '--to', choices=FORMATS, default='onnx', help='the format (default: %(default)s)')
    parser.add_argument(
        '--out',
        metavar='FILE',
        help='by default the name of the model with .onnx, .xml for OpenVINO or .pt2 for torch')
    parser.add_argument(
        '--data',
        nargs='+',
        default=(),
        metavar='INPUT',
        help='pictures or clips, on which the file has to give what the model gives; random inputs '
        'are always compared')
    parser.add_argument(
        '--maps', action='store_true', help='the backbone alone, which gives its maps')
    parser.add_argument(
        '--fixed-size',
        action='store_true',
        help='one height and width, those that the backbone is built for: the file is written '
        'sooner and runs faster')
    parser.add_argument(
        '--int8',
        nargs='?',
        const=0.01,
        type=float,
        metavar='SHARE',
        help="products of 8 bits, if the metric of the config's test falls by no more than this "
        'share of itself (default: 0.01); needs the test data')
    add_config_options(parser)


def run(args: argparse.Namespace) -> None:
    """Export."""
    from ..checkpoints.model_source import open_model
    from ..export import export_model
    opened = open_model(args.model, args.checkpoint, args.cfg_options)
    for note in opened.notes:
        print(note, file=sys.stderr)
    out = args.out or f'{opened.name}{FORMATS[args.to]}'
    samples = prepare(opened, args.data) if args.data else ()
    certificate = export_model(opened, out, args.to, samples, args.maps, args.fixed_size, args.int8)
    if args.json:
        print_json(certificate)
    rows, int8 = certificate['parity'], certificate['int8']
    print(
        f'{out}: {certificate["bytes"] / 1e6:.1f} MB; {"in float32 it" if int8 else "it"} gives '
        f'what the model gives for {sum(row["inputs"][0] for row in rows)} inputs, {len(samples)} '
        f'of them real; largest difference {max(row["difference"] for row in rows):.1e}',
        file=sys.stderr)
    if int8:
        print('{metric}: {float32:.4g} in float32, {int8:.4g} in 8 bits'.format(**int8))


def prepare(opened, inputs: List[str]) -> List[dict]:
    """What the pipeline of the config makes of files."""
    from ..inference.predictor import Predictor
    from ..inference.reading import Reader
    from ..inference.sources import find_sources
    read, samples = Reader(Predictor(opened)), []
    for source in find_sources(inputs, opened.task):
        prepared = next(read(source))
        if prepared.error:
            raise ValueError(f'{source.name}: {prepared.error}')
        samples.append(prepared.packed)
    return samples
