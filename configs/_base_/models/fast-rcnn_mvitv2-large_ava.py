_base_ = './fast-rcnn_mvitv2_ava.py'

model = dict(
    # ImageNet's in reverse, as for Something-Something: the official loader of AVA normalises BGR
    # with the statistics of RGB, then makes it RGB. Their config for AVA is not published: with the
    # defaults of the code in place of the file for Kinetics it would be 114.75 and 57.375.
    data_preprocessor=dict(mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395]),
    backbone=dict(arch='large', input_size=(40, 312, 312), with_cp=True),
    roi_head=dict(bbox_head=dict(in_channels=1152)))
