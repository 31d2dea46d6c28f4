"""What ``python -m mvitv2_mm features`` does with a model and inputs."""
from contextlib import ExitStack, closing
from time import monotonic
from typing import Any, Optional, Sequence, Union

from ..checkpoints.model_source import OpenedModel
from ..files import full_disk_named
from ..progress import progress_bar
from .feature_files import FeatureFiles
from .features import POOLED, FeatureExtractor
from .inferencer import check_least, default_workers, pick_device
from .job import Summary, settings_of
from .predictor import usual_batch_size
from .reading import Reader
from .sources import find_sources
from .stream import Stream


def write_features(opened: OpenedModel,
                   inputs: Sequence[Any],
                   out: str,
                   scale: Union[str, int] = POOLED,
                   device: Optional[str] = None,
                   amp: bool = False,
                   batch_size: Optional[int] = None,
                   stride: Optional[float] = None,
                   every: int = 1) -> Summary:
    """Write the features of inputs, and go on where a run was cut short.

    Args:
        opened (OpenedModel): The model.
        inputs (Sequence[Any]): See :class:`Inferencer`.
        out (str): See :class:`FeatureFiles`.
        scale (str | int): See :class:`FeatureExtractor`. Defaults to 'pooled'.
        device (str, optional): Defaults to None: a GPU if there is one.
        amp (bool): Half precision. Defaults to False.
        batch_size (int, optional): Largest batch. Defaults to None: that of the config's tests, at
            most 16.
        stride (float, optional): See :class:`Inferencer`. Defaults to None.
        every (int): See :class:`Inferencer`. Defaults to 1.

    Returns:
        Summary: What was done.

    Raises:
        OSError: If ``out`` cannot be written.
        ValueError: If ``out`` holds features of another model, other settings or other inputs, or
            cannot hold these.
    """
    check_least(batch_size=batch_size)
    extractor = FeatureExtractor(opened, scale, pick_device(device), amp)
    batch_size = batch_size or usual_batch_size(opened)
    read = Reader(extractor, stride=stride, every=every)
    stream = Stream(extractor, read, batch_size, default_workers())
    settings = settings_of(extractor, batch_size, stride=stride, every=every)
    sources, summary, start = find_sources(inputs, opened.task), Summary(), monotonic()
    with ExitStack() as stack:
        stack.enter_context(full_disk_named(out))
        files = stack.enter_context(FeatureFiles(out, settings, stream.chunk))
        advance = stack.enter_context(progress_bar(None))
        found = stack.enter_context(closing(stream(files.left(sources), files.num_done)))
        for number, _, record in found:
            summary.add(record)
            files.add(number, record)
            advance(number + 1)
        summary.failed = files.finish()
    summary.seconds = monotonic() - start
    summary.stages = stream.stages()
    return summary
