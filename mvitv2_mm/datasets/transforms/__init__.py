from .loading import OpenClip, ReadFrames
from .masking import MaskCubes
from .rand_augment import ClipRandAugment
from .sampling import SampleClips, SampleSegments
from .spatial import ShortSideJitter

__all__ = [
    'ClipRandAugment', 'MaskCubes', 'OpenClip', 'ReadFrames', 'SampleClips', 'SampleSegments',
    'ShortSideJitter'
]
