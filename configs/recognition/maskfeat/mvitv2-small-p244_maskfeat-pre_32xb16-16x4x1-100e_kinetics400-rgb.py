_base_ = [
    '../../_base_/models/maskfeat_recognizer.py',
    '../../_base_/datasets/kinetics400_16x4_maskfeat-pre.py',
    '../../_base_/schedules/maskfeat_finetune_100e.py',
    '../../_base_/default_runtime_maskfeat.py',
]

pretrained = dict(
    type='Pretrained', checkpoint='mvitv2-small-16x4_maskfeat-k400', prefix='backbone.')
model = dict(backbone=dict(init_cfg=[_base_.norm_init, pretrained]))
