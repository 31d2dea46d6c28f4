"""What the tests of recognition and action detection share."""


def shrink_pipelines(cfg, size, small):
    """Clips of two frames, and ``small`` for ``size`` pixels, through the same steps."""
    for loop in ('train', 'val', 'test'):
        dataset = cfg[f'{loop}_dataloader'].dataset
        dataset.serialize_data = False  # its garbage collection takes a second
        for step in dataset.pipeline:
            for key in {'scale', 'size', 'crop_size', 'min_size', 'max_size'} & set(step):
                step[key] = _shrink(step[key], size, small)
            if 'clip_len' in step:
                step.clip_len = 2


def _shrink(value, size, small):
    if isinstance(value, int):
        return value if value < 0 else value * small // size
    return tuple(_shrink(v, size, small) for v in value)
