"""Own boxes and masks in COCO's format, on one GPU: one picture at a time, a step after 16.

data_root holds train.json, val.json and the pictures under the names that these files give them.
"""
_base_ = '../detection/mask-rcnn_mvitv2-tiny_fpn_64xb1-amp-ms-crop-3x_coco.py'
data_root = 'data/my_objects'
num_classes = None  # counted in train.json when a run starts

train_dataloader = dict(
    # with these seeds a resumed training equals an uninterrupted one
    persistent_workers=False,
    worker_init_fn=dict(type='mvitv2_mm.seed_worker'),
    sampler=dict(type='DefaultSampler'),
    dataset=dict(data_root=data_root, ann_file='train.json', data_prefix=dict(img='')))
val_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='val.json', data_prefix=dict(img='')))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/val.json')
test_evaluator = val_evaluator

model = dict(
    roi_head=dict(bbox_head=dict(num_classes=num_classes), mask_head=dict(num_classes=num_classes)))
load_from = 'mask-rcnn_mvitv2-tiny_coco'

# a quarter of the rate for 64 pictures
optim_wrapper = dict(optimizer=dict(lr=4e-5), accumulative_counts=16)
# of each forward pass, which is all that --auto-scale-lr sees
auto_scale_lr = dict(base_batch_size=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=250),
    dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1),
]
train_cfg = dict(_delete_=True, by_epoch=True, max_epochs=12, val_interval=1)
default_hooks = dict(
    checkpoint=dict(by_epoch=True, interval=1, save_best='coco/bbox_mAP', rule='greater'))
log_processor = dict(by_epoch=True)
