"""Say in plain values and words what a picture or clip goes through before the network."""
from typing import Any, Callable, Dict, List, Union

from mmengine.config import Config

from .tasks import data_of


def describe_preprocessing(cfg: Config, task: str) -> dict:
    """What another program must do with a file to get what the network was tested with.

    Args:
        cfg (Config): The whole config.
        task (str): 'image', 'detection', 'video' or 'action_detection'.

    Returns:
        dict: JSON values: "mean" and "std" per channel, of pixels from 0 to 255, or null;
        "colour_order" of the network; "layout" of its input; "input_size" in pixels, (T,) H, W;
        "frames" of a clip, for videos; "steps" in words, in their order.
    """
    model = cfg.model
    preprocessor = model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    is_video = task in ('video', 'action_detection')
    size = model.get('backbone', {}).get('input_size', 224)
    size = [size] * (3 if is_video else 2) if isinstance(size, int) else list(size)
    # mmaction reads RGB, the others BGR
    is_reversed = any(preprocessor.get(key) for key in ('to_rgb', 'bgr_to_rgb', 'rgb_to_bgr'))
    found = dict(
        mean=preprocessor.get('mean'),
        std=preprocessor.get('std'),
        colour_order='RGB' if is_video != is_reversed else 'BGR',
        layout='NCTHW' if is_video else 'NCHW',
        input_size=size)
    if is_video:
        found['frames'] = size[0]
    # mmaction's Resize keeps proportions where it is not told
    steps = [{'keep_ratio': is_video, **step} for step in data_of(cfg).get('pipeline') or ()]
    words = list(filter(None, map(_words, steps)))
    return dict(found, steps=words + _last_steps(preprocessor, found))


def _last_steps(preprocessor: dict, found: dict) -> List[str]:
    steps = [f'order the channels as {found["colour_order"]}']
    if found['mean'] is not None:
        steps.append('subtract "mean" and divide by "std", per channel')
    divisor = preprocessor.get('pad_size_divisor', 1)
    if divisor > 1:
        steps.append('pad with zeros at the right and the bottom until both sides are multiples of '
                     f'{divisor}')
    return steps


def _words(step: dict) -> str:
    """A step of a pipeline in words; '' for one that does nothing to the pixels."""
    kind = step['type'].rpartition('.')[2]
    if kind in _SILENT:
        return ''
    if kind in _SENTENCES:
        return _SENTENCES[kind](step)
    return _as_written(step)


def _as_written(step: dict) -> str:
    arguments = [f'{key}={value!r}' for key, value in step.items() if key not in _NOT_WRITTEN]
    return f'{step["type"]}({", ".join(arguments)})'


def _load(step: dict) -> str:
    turned = 'as it is stored' if 'ignore_orientation' in step.get('color_type', 'color') else \
        'upright (EXIF)'
    return f'read the picture {turned}, 8 bits per channel'


def _resize(step: dict) -> str:
    scale, how = step.get('scale'), _interpolation(step)
    if not isinstance(scale, (list, tuple)):
        return _as_written(step)
    if -1 in scale:
        return f'resize so that the short side has {max(scale)} pixels{how}'
    if step['keep_ratio']:
        return (f'resize, sides in proportion, as large as fits into {max(scale)} pixels for the '
                f'long and {min(scale)} for the short side{how}')
    return f'resize to {_size(scale)} (width x height){how}'


def _interpolation(step: dict) -> str:
    return (f', {step.get("interpolation", "bilinear")}'
            f'{" of Pillow" if step.get("backend") == "pillow" else ""}')


def _size(size: Union[int, list, tuple]) -> str:
    return f'{size} x {size}' if isinstance(size, int) else ' x '.join(map(str, size))


def _sample_clips(step: dict) -> str:
    length = step['clip_len']
    return (f'{_take(step)}: {length} frames evenly spaced over {length * step["frame_interval"]} '
            f'frames at {step.get("target_fps", 30)} frames per second; frames past the end are '
            'the last one')


def _sample_frames(step: dict) -> str:
    return f'{_take(step)}: {step["clip_len"]} frames, every {step.get("frame_interval", 1)}th'


def _take(step: dict) -> str:
    number = step.get('num_clips', 1)
    if number == 1:
        return 'take a clip from the middle of the video'
    return f'take {number} clips, spread evenly over the video'


_NOT_WRITTEN = ('type', 'keep_ratio')
_SILENT = ('OpenClip', 'PackInputs', 'PackDetInputs', 'PackActionInputs', 'FormatShape',
           'LoadAnnotations', 'BoxesToPixels')
_SENTENCES: Dict[str, Callable[[Any], str]] = dict(
    LoadImage=_load,
    LoadImageFromFile=_load,
    ReadFrames=lambda step: 'decode these frames, 8 bits per channel',
    Resize=_resize,
    ResizeEdge=lambda step:
    (f'resize so that the {step.get("edge", "short")} side has {step["scale"]} pixels'
     f'{_interpolation(step)}'),
    CenterCrop=lambda step: f'cut {_size(step["crop_size"])} out of the middle',
    ThreeCrop=lambda step:
    (f'cut three squares of {_size(step["crop_size"])} along the long side: its ends and its '
     'middle'),
    SampleClips=_sample_clips,
    SampleFrames=_sample_frames,
    SampleSegments=lambda step:
    (f'take the middle frame of each of {step["clip_len"]} equal parts of the video'),
    SampleKeyFrame=lambda step:
    (f'take {step["clip_len"]} frames, every {step["frame_interval"]}th, around the frame of '
     'interest; frames before the start or past the end are the first or last one'))
