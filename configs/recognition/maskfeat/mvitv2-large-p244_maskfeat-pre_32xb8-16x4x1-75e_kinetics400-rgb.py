_base_ = [
    '../../_base_/models/maskfeat_recognizer.py',
    '../../_base_/datasets/kinetics400_16x4_maskfeat-pre.py',
    '../../_base_/schedules/maskfeat_finetune_75e.py',
    '../../_base_/default_runtime_maskfeat.py',
]

init = dict(_base_.pretrained, checkpoint='mvitv2-large-16x4_maskfeat-k400')
model = dict(
    backbone=dict(arch='large', drop_path_rate=0.2, init_cfg=[_base_.norm_init, init]),
    cls_head=dict(in_channels=1152))
train_dataloader = dict(collate_fn=dict(type='pseudo_collate'), dataset=dict(num_repeats=1))
