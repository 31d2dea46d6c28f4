"""Data pieces that no host library has correctly. Nothing here imports a host library."""
from .ava_dataset import AVADataset
from .clip_dataset import ClipDataset
from .readers import FrameFolder, UnreadableClipError, VideoFile
from .repeat_factor_sampler import RepeatFactorSampler
from .transforms import *  # noqa: F401, F403
from .transforms import __all__ as _transforms

__all__ = [
    'AVADataset', 'ClipDataset', 'FrameFolder', 'RepeatFactorSampler', 'UnreadableClipError',
    'VideoFile', *_transforms
]
