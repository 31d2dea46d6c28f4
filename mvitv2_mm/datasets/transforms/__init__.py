from .loading import OpenClip, ReadFrames
from .masking import MaskCubes
from .rand_augment import ClipRandAugment, ImageRandAugment
from .sampling import SampleClips, SampleKeyFrame, SampleSegments
from .spatial import BoxesToPixels, ShortSideJitter

__all__ = [
    'BoxesToPixels', 'ClipRandAugment', 'ImageRandAugment', 'MaskCubes', 'OpenClip', 'ReadFrames',
    'SampleClips', 'SampleKeyFrame', 'SampleSegments', 'ShortSideJitter'
]
