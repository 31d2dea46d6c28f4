from .loading import OpenClip, ReadFrames
from .rand_augment import ClipRandAugment
from .sampling import SampleClips, SampleSegments
from .spatial import ShortSideJitter

__all__ = [
    'ClipRandAugment', 'OpenClip', 'ReadFrames', 'SampleClips', 'SampleSegments', 'ShortSideJitter'
]
