_base_ = './cascade-mask-rcnn_mvitv2_fpn_ln.py'

num_classes = 1203
loss_cls = dict(type='mvitv2_mm.FederatedLoss', image_counts='lvis_v1', num_sampled=50, power=0.5)
model = dict(
    roi_head=dict(
        bbox_head=[
            dict(head, num_classes=num_classes, loss_cls=loss_cls)
            for head in _base_.model.roi_head.bbox_head
        ],
        mask_head=dict(num_classes=num_classes)),
    test_cfg=dict(rcnn=dict(score_thr=0.02, max_per_img=300)))
