_base_ = './imagenet_224.py'

# Winter 2021 release of ImageNet-21K together with ImageNet-1K, 14.2 million images. meta/train.txt
# lists "SYNSET/FILE LABEL" with the classes of ImageNet-1K in their order as 0 to 999; the order of
# the other 18,168 is not published. Evaluated on ImageNet-1K.
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        type='mvitv2_mm.ImageNet21k', data_root='data/imagenet21k', ann_file='meta/train.txt'))
