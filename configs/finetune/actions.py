"""Own videos with boxes of people and their actions, on one GPU: 4 clips at once, a step after 64.

Video files lie in data_root/videos/, and data_root holds train.csv and val.csv in AVA's format.
"""
_base_ = [
    '../_base_/models/fast-rcnn_mvitv2_ava.py',
    '../_base_/datasets/ava22_16x4.py',
    '../_base_/schedules/ava_sgd_30e.py',
    '../_base_/default_runtime_ava.py',
]
data_root = 'data/my_actions'
num_actions = None  # counted in train.csv when a run starts

videos = dict(
    data_root=data_root,
    data_prefix=dict(_delete_=True, video='videos'),
    # the annotations count the seconds from the start of a video
    first_second=0,
    num_actions=num_actions,
    num_frames=None,
    # the annotated boxes
    proposal_file=None,
    exclude_file=None)
train_dataloader = dict(batch_size=4, dataset=dict(**videos, ann_file='train.csv'))
val_dataloader = dict(dataset=dict(**videos, ann_file='val.csv', key_seconds=None))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/val.csv', label_file=None, exclude_file=None)
test_evaluator = val_evaluator

model = dict(
    backbone=dict(
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-small-16x4_k400'), with_cp=True),
    roi_head=dict(bbox_head=dict(num_classes=num_actions)))
# an eighth of the rate for 512 clips
optim_wrapper = dict(optimizer=dict(lr=0.075), accumulative_counts=16)
# of each forward pass, which is all that --auto-scale-lr sees
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(checkpoint=dict(save_best='mAP/overall', rule='greater'))
