_base_ = './pretrained.py'

model = dict(
    type='FastRCNN',
    _scope_='mmdet',
    data_preprocessor=dict(
        type='mmaction.ActionDataPreprocessor',
        mean=[114.75, 114.75, 114.75],
        std=[57.375, 57.375, 57.375],
        format_shape='NCTHW'),
    backbone=dict(
        type='mvitv2_mm.MViTv2',
        arch='small',
        input_size=(16, 224, 224),
        drop_path_rate=0.4,
        # the normed patch tokens as a map
        out_type='featmap'),
    roi_head=dict(
        type='AVARoIHead',
        # mean over time, then RoIAlign
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor3D',
            roi_layer_type='RoIAlign',
            # the stride of the map; 16, the default here and in the official code, is that of
            # ResNets with dilated last stages
            featmap_stride=32,
            output_size=7,
            sampling_ratio=0,
            aligned=True,
            with_temporal_pool=True,
            temporal_pool_mode='avg'),
        bbox_head=dict(
            type='mvitv2_mm.AVAHead',
            background_class=False,
            in_channels=768,
            num_classes=80,
            spatial_pool_type='max',
            dropout_ratio=0.5,
            dropout_before_pool=False,
            multilabel=True)),
    train_cfg=dict(
        rcnn=dict(
            # annotated boxes, and detected ones that overlap them by 0.9 within the crop (the
            # official files were matched in whole frames)
            assigner=dict(
                type='MaxIoUAssignerAVA', pos_iou_thr=0.9, neg_iou_thr=0.9, min_pos_iou=0.9),
            # All of these and no others, as MViTv1 (D.2) says. The two training configs of SlowFast
            # for v2.2 contradict it: their lists hold negatives, detected boxes without action
            # (which mmaction2's BBoxHeadAVA would drop from the loss).
            sampler=dict(
                type='RandomSampler',
                num=512,
                pos_fraction=1,
                neg_pos_ub=0,
                add_gt_as_proposals=True),
            pos_weight=1.)),
    test_cfg=dict(rcnn=None))
