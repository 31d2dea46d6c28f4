_base_ = './mvitv2-large_recognizer.py'

num_classes = 174
model = dict(
    data_preprocessor=dict(
        # ImageNet's in reverse: the official loader normalises BGR with the statistics of RGB,
        # then makes it RGB, and so did the released weights learn it
        mean=[103.53, 116.28, 123.675],
        std=[57.375, 57.12, 58.395],
        blending=dict(num_classes=num_classes)),
    cls_head=dict(num_classes=num_classes))
