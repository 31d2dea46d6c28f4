_base_ = './mvitv2_classifier.py'

num_classes = 19168
# the first 1000 classes are those of ImageNet-1K
model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(with_cls_token=True, out_type='cls_token'),
    head=dict(type='mvitv2_mm.FirstClassesHead', num_classes=num_classes, num_eval_classes=1000))
