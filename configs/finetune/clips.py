"""Own clips, on one GPU: 4 clips at a time, a step after 128.

Video files lie in data_root/train/CLASS/ and data_root/val/CLASS/.
"""
_base_ = [
    '../_base_/models/mvitv2_recognizer.py',
    '../_base_/datasets/kinetics400_16x4.py',
    '../_base_/schedules/kinetics_adamw_30e.py',
    '../_base_/default_runtime_recognition.py',
]
data_root = 'data/my_clips'
num_classes = None  # counted in the training data when a run starts

train_dataset = dict(
    data_root=data_root, ann_file='', data_prefix=dict(video='train'), num_repeats=1)
val_dataset = dict(data_root=data_root, ann_file='', data_prefix=dict(video='val'))
train_dataloader = dict(
    batch_size=4, collate_fn=dict(_delete_=True, type='pseudo_collate'), dataset=train_dataset)
val_dataloader = dict(batch_size=4, dataset=val_dataset)
test_dataloader = dict(dataset=val_dataset)

model = dict(
    # few clips: nothing is mixed
    data_preprocessor=dict(blending=dict(num_classes=num_classes, mix_prob=0.)),
    backbone=dict(
        init_cfg=dict(_base_.pretrained, checkpoint='mvitv2-small-16x4_k400'), with_cp=True),
    cls_head=dict(num_classes=num_classes))
optim_wrapper = dict(accumulative_counts=32)
# of each forward pass, which is all that --auto-scale-lr sees
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
