"""What ``python -m mvitv2_mm predict`` does with a model and inputs."""
import json
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic
from typing import Any, Callable, Dict, Optional, Sequence

from ..errors import UsageError
from ..files import full_disk_named, sha256_of
from ..progress import progress_bar
from ..version import __version__
from .inferencer import Inferencer
from .predictor import Predictor
from .records import in_words
from .results import Results
from .shards import Output, Shard, this_shard
from .sources import find_sources

_LONG = 3  # clips of a model, from which on a video is worth more than one record


@dataclass
class Summary:
    """What a run did.

    Attributes:
        records (int): Records that this process made.
        failed (int): Errors among all records of the output; of this run if nothing is kept.
        first_error (str): The first of them in this run, in words.
        num_clips (float): Of the longest video with a single record; see :class:`Prepared`.
        seconds (float): From the first input to the last record.
        stages (dict): Seconds that each of 'reading', 'network' and 'writing' took.
    """
    records: int = 0
    failed: int = 0
    first_error: str = ''
    num_clips: float = 0.
    seconds: float = 0.
    stages: Dict[str, float] = field(default_factory=dict)

    def add(self, record: dict) -> None:
        """Count a record."""
        self.records += 1
        if 'error' in record:
            self.failed += 1
            self.first_error = self.first_error or in_words(record)

    def describe(self) -> str:
        """Lines for the user."""
        lines = ['nothing was left to predict']
        if self.records:
            stages = ', '.join(f'{name} {seconds:.1f} s' for name, seconds in self.stages.items())
            lines = [
                f'{self.records} predicted in {self.seconds:.1f} s '
                f'({self.records / self.seconds:.3g} per second); at work: {stages}; the slowest '
                f'is {max(self.stages, key=self.stages.get)}'
            ]
        if self.num_clips > _LONG:
            lines.append(f'hint: one record stands for a whole video, into which '
                         f'{self.num_clips:.0f} clips of the model would fit; --stride 0 predicts '
                         'them one after the other')
        if self.failed:
            first = f'; the first: {self.first_error}' if self.first_error else ''
            lines.append(f'{self.failed} failed{first}')
        return '\n'.join(lines)


def predict(infer: Inferencer,
            inputs: Sequence[Any],
            out: Optional[str] = None,
            show: Optional[Callable[[dict], None]] = None,
            **results: Any) -> Summary:
    """Predict inputs, hand each record to ``show``, and keep all in a folder.

    Processes that ``torchrun`` has started share the inputs.

    Args:
        infer (Inferencer): The model.
        inputs (Sequence[Any]): See :class:`Inferencer`.
        out (str, optional): Folder for ``predictions.jsonl``; a run that was cut short goes on.
            Defaults to None: nothing is kept.
        show (Callable, optional): Is called with each record of this process. Defaults to None.
        **results: ``formats``, ``draw`` and ``coco_file``; see :class:`Results`.

    Returns:
        Summary: What was done.

    Raises:
        OSError: If ``out`` cannot be written.
        ValueError: If ``out`` holds records of another model, other settings or other inputs.
    """
    shard, task = this_shard(), infer.predictor.task
    if out is None and shard.world_size > 1:
        raise UsageError('several processes need --out, where their results are put together')
    top_k = infer.predictor.settings['top_k']
    kept = Results(out, infer.opened, inputs, top_k=top_k, **results)
    stream, summary = infer.make_stream(keep_pictures=kept.draws), Summary()
    sources, num_done, start = find_sources(inputs, task), 0, monotonic()
    with ExitStack() as stack:
        output = None
        if out is not None:
            stack.enter_context(full_disk_named(out))
            output = stack.enter_context(Output(out, _settings(infer), stream.chunk, shard))
            sources, num_done = output.left(sources), output.num_done
            stack.enter_context(kept).catch_up(output, stream.tracker)
        shown = shard.rank == 0 and (output is not None or not sys.stdout.isatty())
        advance = stack.enter_context(progress_bar(_count(inputs, task, shard), shown))
        found = stack.enter_context(closing(stream(sources, num_done)))
        for number, prepared, record in found:
            summary.add(record)
            summary.num_clips = max(summary.num_clips, prepared.num_clips)
            if output is not None:
                output.add(number, record)
            kept.add(record, prepared.pictures)
            if show is not None:
                show(record)
            advance(number + 1)
        if output is not None:
            summary.failed = output.finish()
    if shard.rank == 0:
        kept.finish()
    summary.seconds = monotonic() - start
    summary.stages = stream.stages()
    return summary


def _count(inputs: Sequence[Any], task: str, shard: Shard) -> Optional[int]:
    """Number of inputs of this process, None if only the standard input knows."""
    if any(isinstance(item, str) and item == '-' for item in inputs):
        return None
    total = sum(1 for _ in find_sources(inputs, task))
    return len(range(shard.rank, total, shard.world_size))


def _settings(infer: Inferencer) -> dict:
    boxes = sha256_of(infer.people.path) if infer.people else None
    reading = dict(stride=infer.stride, every=infer.every, track=infer.track, boxes=boxes)
    return settings_of(infer.predictor, infer.batch_size, **reading)


def settings_of(predictor: Predictor, batch_size: int, **reading: Any) -> dict:
    """All that the results of a model follow from, besides the inputs.

    Args:
        predictor (Predictor): The model.
        batch_size (int): Largest batch.
        **reading: How videos are read.
    """
    opened = predictor.opened
    cfg = json.dumps(opened.cfg.to_dict(), sort_keys=True, default=str)
    return dict(
        model=opened.name,
        weights=sha256_of(opened.weights),
        config=sha256(cfg.encode()).hexdigest(),
        classes=list(opened.classes) if opened.classes else None,
        version=__version__,
        device=predictor.device.type,
        batch_size=batch_size,
        **reading,
        **predictor.settings)
