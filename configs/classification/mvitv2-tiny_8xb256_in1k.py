_base_ = [
    '../_base_/models/mvitv2_classifier.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/imagenet_adamw_300e.py',
    '../_base_/default_runtime_classification.py',
]
