_base_ = './mvitv2_recognizer.py'

num_classes = 174
model = dict(
    data_preprocessor=dict(blending=dict(num_classes=num_classes)),
    backbone=dict(drop_path_rate=0.4),
    cls_head=dict(num_classes=num_classes))
