from .loading import OpenClip, ReadFrames
from .masking import MaskCubes
from .rand_augment import ClipRandAugment, ImageRandAugment
from .sampling import SampleClips, SampleSegments
from .spatial import ShortSideJitter

__all__ = [
    'ClipRandAugment', 'ImageRandAugment', 'MaskCubes', 'OpenClip', 'ReadFrames', 'SampleClips',
    'SampleSegments', 'ShortSideJitter'
]
