model = dict(
    type='mvitv2_mm.MaskFeat',
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[114.75, 114.75, 114.75],
        std=[57.375, 57.375, 57.375],
        format_shape='NCTHW'),
    backbone=dict(
        type='mvitv2_mm.MaskFeatMViTv2',
        # small; block 14 widens but does not downscale, for an output of 14 x 14
        arch=dict(
            embed_dims=96,
            num_layers=16,
            num_heads=1,
            downscale_indices=(1, 3),
            dim_mul_indices=(1, 3, 14)),
        input_size=(16, 224, 224),
        dim_mul_in_attention=False))
