_base_ = [
    '../../_base_/models/maskfeat_recognizer.py',
    '../../_base_/datasets/kinetics400_16x4_maskfeat-pre.py',
    '../../_base_/schedules/maskfeat_finetune_100e.py',
    '../../_base_/default_runtime_maskfeat.py',
]

init = dict(_base_.pretrained, checkpoint='mvitv2-small-16x4_maskfeat-k400')
model = dict(backbone=dict(init_cfg=[_base_.norm_init, init]))
