"""Data pieces that no host library has correctly, in a folder for each host that they serve.

Only files in the folder of a host import it, and configs name those; nothing here imports a host.
"""
from .frame_stream import FrameStream
from .load_image import LoadImage
from .mmaction.ava_dataset import AVADataset
from .mmaction.clip_dataset import ClipDataset
from .mmaction.loading import OpenClip, ReadFrames
from .mmaction.masking import MaskCubes
from .mmaction.rand_augment import ClipRandAugment
from .mmaction.sampling import SampleClips, SampleKeyFrame, SampleSegments
from .mmaction.spatial import BoxesToPixels, ShortSideJitter
from .mmdet.repeat_factor_sampler import RepeatFactorSampler
from .mmpretrain.rand_augment import ImageRandAugment
from .readers import FrameFolder, UnreadableClipError, VideoFile
from .seeded import SeededDataset, SeededSampler

__all__ = [
    'AVADataset', 'BoxesToPixels', 'ClipDataset', 'ClipRandAugment', 'FrameFolder', 'FrameStream',
    'ImageRandAugment', 'LoadImage', 'MaskCubes', 'OpenClip', 'ReadFrames', 'RepeatFactorSampler',
    'SampleClips', 'SampleKeyFrame', 'SampleSegments', 'SeededDataset', 'SeededSampler',
    'ShortSideJitter', 'UnreadableClipError', 'VideoFile'
]
