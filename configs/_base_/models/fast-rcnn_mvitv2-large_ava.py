_base_ = './fast-rcnn_mvitv2_ava.py'

model = dict(
    # those of the pre-training on Kinetics; which ones AVA saw is not known
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(arch='large', input_size=(40, 312, 312), with_cp=True),
    roi_head=dict(bbox_head=dict(in_channels=1152)))
