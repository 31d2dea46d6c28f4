"""``python -m mvitv2_mm predict MODEL INPUT...``."""
import argparse
import sys
from typing import List

from .frame import (add_batch_arguments, add_config_options, add_model_arguments,
                    add_video_arguments, call, lasting, print_json)

HELP = 'Predict pictures and videos with a model: classes, objects, or actions.'
EXAMPLE = 'python -m mvitv2_mm predict mvitv2-tiny_in1k photo.jpg'
JSON = 'one record for each input'
FORMATS = ('csv', 'coco', 'coco-data', 'yolo', 'labelme', 'srt', 'segments')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model_arguments(
        parser,
        'pictures, videos, folders of them, patterns such as "*.jpg", URLs, .npy files, the '
        'number of a camera, or - for paths on the standard input')
    parser.add_argument(
        '--out',
        metavar='FOLDER',
        help='write predictions.jsonl there; the same command again goes on where it stopped')
    add_batch_arguments(parser)
    parser.add_argument(
        '--fast', action='store_true', help='one view of a clip instead of all that tests take')
    parser.add_argument(
        '--top-k', type=int, default=5, metavar='K', help='list the best K classes (default: 5)')
    parser.add_argument(
        '--score-thr',
        type=float,
        metavar='S',
        help='leave out what scores less; by default 0.3 for objects and 0 for classes')
    parser.add_argument(
        '--classes',
        metavar='FILE',
        help='names of the classes, one a line, for a model that does not know them')
    _add_video_arguments(parser)
    _add_result_arguments(parser)
    add_config_options(parser)


def _add_video_arguments(parser: argparse.ArgumentParser) -> None:
    add_video_arguments(parser)
    parser.add_argument(
        '--track', action='store_true', help='number objects that are the same in several frames')
    parser.add_argument(
        '--boxes',
        metavar='FILE',
        help='where people are, for a model of their actions: predictions.jsonl of a detector, or '
        'lines video,second,x1,y1,x2,y2')


def _add_result_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--format',
        nargs='+',
        default=(),
        dest='formats',
        choices=FORMATS,
        metavar='FORMAT',
        help=f'write the results to the folder of --out also as: {", ".join(FORMATS)}')
    parser.add_argument(
        '--coco-file',
        metavar='FILE',
        help='COCO file with the numbers of pictures and classes that --format coco takes')
    parser.add_argument(
        '--draw', action='store_true', help='draw the results on copies of pictures and videos')


def run(args: argparse.Namespace) -> int:
    """Predict; exit code 1 if an input failed."""
    with lasting():
        from ..inference.inferencer import Inferencer
        from ..inference.job import predict
        from ..inference.records import in_words
        classes = _read_classes(args.classes) if args.classes else None
        infer = call(Inferencer, args, classes=classes)
    for note in infer.opened.notes:
        print(note, file=sys.stderr)
    show = None if args.out else lambda record: print(in_words(record), flush=True)
    summary = predict(
        infer,
        args.inputs,
        args.out,
        print_json if args.json else show,
        formats=args.formats,
        draw=args.draw,
        coco_file=args.coco_file)
    print(summary.describe(), file=sys.stderr)
    return int(summary.failed > 0)


def _read_classes(path: str) -> List[str]:
    """Names in a file, one a line; the number of a line is the label."""
    with open(path, encoding='utf-8-sig') as file:
        return [line.strip() for line in file if line.strip()]
