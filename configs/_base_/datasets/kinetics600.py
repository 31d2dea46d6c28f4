# Where Kinetics-600 lies, in the layout of Kinetics-400.
kinetics600 = {
    split: dict(data_root='data/kinetics600', ann_file=f'kinetics600_{split}_list_videos.txt')
    for split in ('train', 'val')
}
