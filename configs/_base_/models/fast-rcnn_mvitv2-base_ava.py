_base_ = './fast-rcnn_mvitv2_ava.py'

model = dict(backbone=dict(arch='base', input_size=(32, 224, 224)))
