# The published protocol follows Swin's and prints no sizes: these short sides are Swin's range of
# training sizes, the flip and the limit of 1600 are chosen with them.
tta_model = dict(type='mvitv2_mm.InstanceTTA')
tta_pipeline = [
    dict(type='mvitv2_mm.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(1600, side), keep_ratio=True, backend='pillow')
                for side in (400, 600, 800, 1000, 1200, 1400)
            ],
            [dict(type='RandomFlip', prob=prob) for prob in (0., 1.)],
            [
                dict(
                    type='PackDetInputs',
                    meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor',
                               'flip', 'flip_direction'))
            ],
        ]),
]
