"""``python -m mvitv2_mm explain MODEL INPUT...``."""
import argparse
import sys
from pathlib import Path
from typing import Any, Optional

from .frame import add_config_options, add_model_arguments, print_json

HELP = 'Show where a model looks: heat maps with scores of how faithful they are, attention.'
EXAMPLE = 'python -m mvitv2_mm explain mvitv2-tiny_in1k photo.jpg --out why'
JSON = 'one result for each input'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model_arguments(
        parser, 'pictures or clips: files, folders of them, patterns such as "*.jpg", URLs')
    parser.add_argument(
        '--out', metavar='FOLDER', required=True, help='write a folder for each input there')
    parser.add_argument(
        '--method',
        default='relevance',
        choices=('relevance', 'rollout', 'cam'),
        help='relevance: attention weighted by the gradient of the class (default); rollout: '
        'attention alone, whatever the class; cam: gradients times tokens between the stages')
    parser.add_argument(
        '--target',
        metavar='CLASS',
        help='name or number of the class to explain, of a detector that of its best object; by '
        'default what the model finds most likely')
    parser.add_argument(
        '--point',
        nargs=2,
        type=float,
        metavar=('X', 'Y'),
        help='also draw what this place attends to in each head, from 0 0 for the left upper '
        'corner to 1 1')
    parser.add_argument(
        '--record',
        type=int,
        metavar='N',
        help='explain the frame of a video to which "predict" gives record N, from 0')
    parser.add_argument(
        '--object',
        type=int,
        metavar='N',
        help='explain object or person N of the record of "predict", from 0; by default the best')
    parser.add_argument(
        '--boxes',
        metavar='FILE',
        help='where people are, for a model of their actions, as "predict" takes it')
    add_config_options(parser)


def run(args: argparse.Namespace) -> int:
    """Explain; exit code 1 if an input failed."""
    from ..checkpoints.model_source import open_model
    from ..errors import UsageError
    from ..explain import draw_positions, write_explanation
    from ..inference.inferencer import check_people, pick_device
    from ..inference.people import People
    from ..inference.predictor import Predictor
    from ..inference.reading import Reader
    from ..inference.sources import find_sources
    for name in ('record', 'object'):
        if (getattr(args, name) or 0) < 0:
            raise UsageError(f'--{name} should be at least 0, but is {getattr(args, name)}')
    opened = open_model(args.model, args.checkpoint, args.cfg_options)
    label = None if args.target is None else _label_of(args.target, opened)
    check_people(opened, args.boxes, None)
    predictor = Predictor(opened, pick_device(args.device), fast=True)
    for note in opened.notes:
        print(note, file=sys.stderr)
    out, failed = Path(args.out), 0
    read = Reader(predictor, people=People(args.boxes) if args.boxes else None)
    if draw_positions(out / 'relative_positions.png', predictor.model):
        print(out / 'relative_positions.png', file=sys.stderr)
    for number, source in enumerate(find_sources(args.inputs, opened.task)):
        prepared, result = next(read(source, args.record or 0), None), None
        error = prepared.error if prepared else f'there is no record {args.record}'
        if prepared and 'frame' in prepared.places and args.record is None and not args.boxes:
            error = (
                f'is a video, but {opened.name} takes pictures; --record N explains one of its '
                'frames')
        try:
            result = None if error else write_explanation(
                out / f'{number:03d}_{Path(source.name).stem}', predictor.model, opened.task,
                prepared.packed, source.name, opened.class_name, args.method, label, args.point,
                args.object)
        except ValueError as problem:
            error = str(problem)
        failed += bool(error)
        if args.json:
            print_json(dict(schema=1, input=source.name, error=error) if error else result)
        else:
            print(f'{source.name}: {_in_words(result, error)}')
    return int(failed > 0)


def _in_words(result: Optional[dict], error: Optional[str]) -> str:
    if error:
        return f'error: {error}'
    scores = result['faithfulness']
    lines = [result['words']]
    for name in ('deletion', 'insertion'):
        lines.append(f'{name} {scores["map"][name]:.2f} (random {scores["random"][name]:.2f}, '
                     f'centre {scores["centre"][name]:.2f})')
    return f'{"; ".join(lines)}; {Path(result["files"][0]).parent}'


def _label_of(target: str, opened: Any) -> int:
    """Number of a class that is named, or numbered."""
    from ..errors import UsageError
    from ..names import hint
    classes = opened.classes or ()
    if target in classes:
        return classes.index(target)
    if target.isdecimal():
        return int(target)
    raise UsageError(f'{opened.name} has no class {target!r}{hint(target, classes)}')
