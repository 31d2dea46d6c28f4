"""From one picture or clip to one record, with a config's own pipeline and any host library."""
from dataclasses import dataclass, field
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from ..checkpoints.model_source import OpenedModel
from ..compat import switch
from ..errors import UsageError
from .pipeline import ClipPipeline, PicturePipeline
from .records import OBJECT_THRESHOLD, Arrays, RecordMaker, take
from .sources import VIDEO_TASKS


@dataclass
class Prepared:
    """An input that the network can take, or why there is none.

    Attributes:
        source (str): Name of the input.
        places (dict): What the record says about size, window and frame.
        packed (dict, optional): 'inputs' and 'data_samples', None if there is an error.
        error (str, optional): Why there is nothing to predict, in one line.
        pictures (list): RGB frames (H, W, 3) as they were read, where someone draws on them.
        num_clips (float): How many clips of the model, one after the other, would fit into the
            video, of which this is the only item; 0 for other inputs.
    """
    source: str
    places: dict = field(default_factory=dict)
    packed: Optional[dict] = None
    error: Optional[str] = None
    pictures: Sequence[np.ndarray] = ()
    num_clips: float = 0.

    @property
    def shape(self) -> Tuple[int, ...]:
        """Shape of what goes into the network; inputs of one shape make a batch."""
        return tuple(self.packed['inputs'].shape)


class Predictor:
    """Predicts what :meth:`prepare` has made of pictures or clips.

    ``prepare`` may run in several threads at once; ``predict`` uses the network and runs in one;
    ``record`` needs no device.

    Args:
        opened (OpenedModel): The model.
        device (str): Where the network runs. Defaults to 'cpu'.
        amp (bool): Half precision: float16 on a GPU, bfloat16 on a CPU. Defaults to False.
        fast (bool): One view of a clip instead of all that the config tests on. Defaults to False.
        top_k (int): How many classes, or actions of a person, a record lists. Defaults to 5.
        score_thr (float, optional): Least score of what a record lists. Defaults to None: 0.3 for
            the objects of a detector, 0 for classes and actions.

    Raises:
        ValueError: If the config does not say how inputs are prepared.
        UsageError: If an exported file is asked for a GPU, or for half precision that it lacks.
    """

    def __init__(self,
                 opened: OpenedModel,
                 device: str = 'cpu',
                 amp: bool = False,
                 fast: bool = False,
                 top_k: int = 5,
                 score_thr: Optional[float] = None) -> None:
        self.opened, self.task, self.fast = opened, opened.task, fast
        self.device, self.amp = torch.device(device), amp
        if amp and self.device.type == 'cpu':
            switch.switch_on('mmaction.bf16_heads', 'mmdet.bf16_heads')
        if opened.is_exported and self.device.type != 'cpu':
            raise UsageError(f'{opened.weights} computes on a CPU; leave out --device')
        self.model = opened.build(device)
        if amp and opened.is_exported and not self.model.takes_amp:
            raise UsageError(f'{opened.weights} computes in the precision that it is written in; '
                             'leave out --amp, or export with --to openvino')
        pipeline = ClipPipeline if self.task in VIDEO_TASKS else PicturePipeline
        self.pipeline = pipeline(opened.cfg, fast)
        self.threshold = score_thr
        if score_thr is None:
            self.threshold = OBJECT_THRESHOLD if self.task == 'detection' else 0.
        #: what the records follow from, besides model and input
        self.settings = dict(amp=amp, fast=fast, top_k=top_k, score_thr=self.threshold)
        self.records = RecordMaker(self.task, opened.name, opened.class_name, top_k, self.threshold)

    def prepare(self,
                media: Any,
                source: str = '',
                places: Optional[dict] = None,
                info: Optional[dict] = None,
                keep_pictures: bool = False,
                pipeline: Optional[ClipPipeline] = None) -> Prepared:
        """Read and transform one input as the dataset of the config does.

        Args:
            media (Any): Of a model for pictures a path or RGB pixels (H, W, 3) of uint8; of a model
                for clips RGB pixels (T, H, W, 3), or a reader with ``num_frames``, ``fps`` (None if
                unknown) and ``read(indices)``.
            source (str): What the record calls it. Defaults to ''.
            places (dict, optional): What the record says of window and frame. Defaults to None:
                of a clip which frames were used.
            info (dict, optional): What else the dataset of clips tells the pipeline. Defaults to
                None.
            keep_pictures (bool): Keep the pictures as they were read. Defaults to False.
            pipeline (ClipPipeline, optional): Other steps for a clip. Defaults to None: those of
                the config.

        Raises:
            Exception: Whatever reading and the steps raise for inputs that they cannot take.
        """
        pipeline = pipeline or self.pipeline
        if self.task in VIDEO_TASKS:
            read = pipeline.read(media, info)
            pictures, size = read['imgs'], read['original_shape']
            places = window_of(media, read['frame_inds']) if places is None else places
            if self.task == 'action_detection':  # the frame with the boxes
                pictures = pictures[len(pictures) // 2:][:1]
        else:
            read = pipeline.read(media)
            pictures, size = [read['img']], read['ori_shape'][:2]
        if keep_pictures:  # before a step writes into them
            order = 1 if self.task in VIDEO_TASKS else -1
            pictures = [picture[..., ::order].copy() for picture in pictures]
        places = dict(width=int(size[1]), height=int(size[0]), **(places or {}))
        fault = getattr(media, 'fault', None)
        if fault:
            places['note'] = fault.removeprefix(f'{media.path}: ')
        packed = pipeline.prepare(read)
        return Prepared(source, places, packed, pictures=pictures if keep_pictures else ())

    def predict(self, batch: Sequence[Prepared]) -> List[Arrays]:
        """Run the network on inputs of one shape; see :func:`records.take` for what it gives."""
        data = pseudo_collate([prepared.packed for prepared in batch])
        with torch.inference_mode(), self.autocast():
            samples = self.model.test_step(data)
        return [take(sample, self.threshold) for sample in samples]

    def record(self, prepared: Prepared, arrays: Optional[Arrays]) -> dict:
        """Record of one input and what :meth:`predict` gave for it, None after an error."""
        if prepared.error:
            return self.records.error(prepared.source, prepared.error, **prepared.places)
        return self.records.found(prepared.source, prepared.places, arrays)

    def autocast(self) -> torch.autocast:
        """Half precision where it is asked for."""
        dtype = torch.bfloat16 if self.device.type == 'cpu' else torch.float16
        return torch.autocast(self.device.type, dtype, enabled=self.amp)


def usual_batch_size(opened: OpenedModel) -> int:
    """The batch size that the config tests with, and no more than 16."""
    loader = opened.cfg.get('test_dataloader') or opened.cfg.get('val_dataloader') or {}
    return min(loader.get('batch_size') or 1, 16)


def window_of(clip: Any, frames: Sequence[int]) -> dict:
    """What a record says about the part of a clip that a prediction rests on.

    Args:
        clip (Any): Its reader.
        frames (Sequence[int]): Numbers of the frames that were sampled, in any order.
    """
    numbers = sorted({int(number) for number in frames})
    clock, times = {}, getattr(clip, 'times', None)
    if times is not None:
        last = numbers[-1]
        end = times[last + 1] if last + 1 < len(times) else times[last] + 1 / (clip.fps or 30)
        clock = dict(start=float(times[numbers[0]]), end=float(end))
    return dict(window=dict(index=0, **clock, frames=numbers))
