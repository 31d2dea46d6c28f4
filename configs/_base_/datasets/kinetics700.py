# Where Kinetics-700 lies, in the layout of Kinetics-400.
kinetics700 = {
    split: dict(data_root='data/kinetics700', ann_file=f'kinetics700_{split}_list_videos.txt')
    for split in ('train', 'val')
}
