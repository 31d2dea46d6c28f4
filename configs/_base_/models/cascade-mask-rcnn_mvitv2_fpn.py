# detectron2's Cascade Mask R-CNN; what is not stated here is equal in its Mask R-CNN
_base_ = './mask-rcnn_mvitv2_fpn.py'

norm_cfg = dict(type='SyncBN')
first_sampler = dict(
    type='RandomSampler', num=512, pos_fraction=0.25, neg_pos_ub=-1, add_gt_as_proposals=True)
# later stages refine all boxes of the first
later_sampler = dict(type='PseudoSampler')

model = dict(
    type='CascadeRCNN',
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        type='mvitv2_mm.CascadeRoIHead',
        num_stages=3,
        # the head divides the gradients of the box features instead
        stage_loss_weights=[1, 1, 1],
        bbox_head=[
            dict(
                type='Shared4Conv1FCBBoxHead',
                in_channels=256,
                conv_out_channels=256,
                fc_out_channels=1024,
                roi_feat_size=7,
                num_classes=80,
                norm_cfg=norm_cfg,
                reg_class_agnostic=True,
                bbox_coder=dict(
                    type='DeltaXYWHBBoxCoder',
                    target_means=[0.] * 4,
                    target_stds=[1 / xy, 1 / xy, 1 / wh, 1 / wh]),
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.),
                loss_bbox=dict(type='L1Loss', loss_weight=1.))
            for xy, wh in [(10, 5), (20, 10), (30, 15)]
        ],
        mask_head=dict(norm_cfg=norm_cfg)),
    train_cfg=dict(rcnn=[
        dict(
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=iou,
                neg_iou_thr=iou,
                min_pos_iou=iou,
                match_low_quality=False,
                ignore_iof_thr=-1),
            sampler=sampler,
            mask_size=28,
            pos_weight=-1,
            debug=False)
        for iou, sampler in [(0.5, first_sampler), (0.6, later_sampler), (0.7, later_sampler)]
    ]))
