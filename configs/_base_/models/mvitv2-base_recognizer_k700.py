_base_ = './mvitv2-base_recognizer.py'

num_classes = 700
model = dict(
    data_preprocessor=dict(blending=dict(num_classes=num_classes)),
    cls_head=dict(num_classes=num_classes))
