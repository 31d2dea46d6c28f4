"""Video recipes, transcribed from the papers and the official configs."""

from harness import half_cosine

GREY = dict(mean=[114.75] * 3, std=[57.375] * 3)
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
# name -> arch, drop path and parameters with 400 classes
SMALL = dict(GREY, arch='small', drop_path=0.2)
BASE = dict(GREY, arch='base', drop_path=0.3)
LARGE = dict(IMAGENET, arch='large', drop_path=0.75, mix_prob=0., with_cp=True)
AT_224 = dict(short_side=256, test_size=256, views=(5, 1))
AT_312 = dict(short_side=356, test_size=312, views=(5, 3))

COMMON = dict(
    dropout=0.5,
    erase=0.25,
    mix_prob=1.,
    rand_augment=dict(magnitude=7, num_ops=4, magnitude_std=0.5),
    with_cp='cheap',
    init=None)
KINETICS = dict(
    COMMON,
    data='kinetics400',
    num_classes=400,
    repeats=2,
    optimizer=dict(type='AdamW', lr=1.6e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    clip_grad=dict(max_norm=1.),
    clips_per_step=512,
    epochs=200,
    lr=half_cosine(1.6e-3, 30, 200, 0.01, 0.01),
    spatial=['RandAugment', 'RandomResizedCrop', 'Resize', 'Flip'],
    crop_area=((0.08, 1.), (0.75, 1.3333)),
    flip=0.5)
FROM_IN1K = dict(
    optimizer=dict(KINETICS['optimizer'], lr=4.8e-4),
    epochs=100,
    lr=half_cosine(4.8e-4, 30, 100, 0.01, 0.01))
FROM_IN21K = dict(
    optimizer=dict(KINETICS['optimizer'], lr=1.6e-4),
    epochs=75,
    lr=half_cosine(1.6e-4, 30, 75, 0.01, 0.01))
SECOND_STAGE = dict(
    optimizer=dict(KINETICS['optimizer'], lr=1.6e-5, weight_decay=1e-8),
    repeats=1,
    clips_per_step=128,
    epochs=30,
    lr=half_cosine(1.6e-5, 5, 30, 0.01, 0.01))

S_16X4 = dict(KINETICS, **SMALL, **AT_224, clip=(16, 224, 224), interval=4)
B_32X3 = dict(KINETICS, **BASE, **AT_224, clip=(32, 224, 224), interval=3)
L_16X4 = {**KINETICS, **FROM_IN21K, **LARGE, **AT_224, 'clip': (16, 224, 224), 'interval': 4,
          'init': 'mvitv2-large_in21k'}  # yapf: disable
L_40X3 = {**KINETICS, **SECOND_STAGE, **LARGE, **AT_312, 'clip': (40, 312, 312), 'interval': 3}
STAGE_1 = 'mvitv2-large-p244_in21k-pre_32xb16-16x4x1-75e_kinetics{}-rgb'
STAGE_2 = 'mvitv2-large-p244_in21k-pre_128xb1-{}x1-30e_kinetics{}-rgb-{}px'

SOMETHING = dict(
    COMMON,
    data='sthv2',
    num_classes=174,
    repeats=1,
    interval=None,
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4),
    clips_per_step=512,
    spatial=['RandAugment', 'ShortSideJitter', 'RandomCrop'],
    crop_area=None,
    flip=None,
    views=(1, 3))
SOMETHING_224 = dict(
    SOMETHING,
    **GREY,
    clip_grad=None,
    epochs=100,
    drop_path=0.4,
    short_side=(256, 320),
    test_size=224)
# Parameters that the official tables do not give exactly: 1153 per class more than Kinetics-400's
# 213,390,112, and 48 blocks x 72 channels x what the position tables are shorter or longer.
RECIPES = {
    'mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb':
    dict(S_16X4, params=34_537_744),
    'mvitv2-small-p244_in1k-pre_32xb16-16x4x1-100e_kinetics400-rgb':
    dict({
        **S_16X4,
        **FROM_IN1K
    }, params=34_537_744, init='mvitv2-small_in1k'),
    'mvitv2-small-p244_in21k-pre_32xb16-16x4x1-75e_kinetics400-rgb':
    dict({
        **S_16X4,
        **FROM_IN21K
    }, params=34_537_744, init='mvitv2-small_8xb32_in21k'),
    'mvitv2-base-p244_32xb16-32x3x1-200e_kinetics400-rgb':
    dict(B_32X3, params=51_230_128),
    'mvitv2-base-p244_in1k-pre_32xb16-32x3x1-100e_kinetics400-rgb':
    dict({
        **B_32X3,
        **FROM_IN1K
    }, params=51_230_128, init='mvitv2-base_in1k'),
    'mvitv2-base-p244_in21k-pre_32xb16-32x3x1-75e_kinetics400-rgb':
    dict({
        **B_32X3,
        **FROM_IN21K
    }, params=51_230_128, init='mvitv2-base_in21k'),
    STAGE_1.format(400):
    dict(L_16X4, params=213_390_112 - 72 * (2 * 602 + 48 * 24)),
    STAGE_2.format('40x3', 400, 312):
    dict(L_40X3, params=213_390_112, init=STAGE_1.format(400)),
    'mvitv2-base-p244_32xb16-32x3x1-200e_kinetics600-rgb':
    dict(B_32X3, params=51_383_928, num_classes=600, data='kinetics600'),
    STAGE_1.format(600):
    dict(
        L_16X4,
        params=213_390_112 + 200 * 1153 - 72 * (2 * 602 + 48 * 24),
        num_classes=600,
        data='kinetics600'),
    STAGE_2.format('32x3', 600, 312):
    dict(
        L_40X3,
        params=213_390_112 + 200 * 1153 - 72 * 48 * 8,
        num_classes=600,
        data='kinetics600',
        clip=(32, 312, 312),
        views=(4, 3),
        init=STAGE_1.format(600)),
    STAGE_2.format('40x3', 600, 312):
    dict(
        L_40X3,
        params=213_390_112 + 200 * 1153,
        num_classes=600,
        data='kinetics600',
        views=(4, 3),
        init=STAGE_1.format(600)),
    STAGE_2.format('40x3', 600, 352):
    dict(
        L_40X3,
        params=213_390_112 + 200 * 1153 + 72 * 2 * 334,
        num_classes=600,
        data='kinetics600',
        clip=(40, 352, 352),
        short_side=402,
        test_size=352,
        views=(4, 3),
        init=STAGE_1.format(600)),
    'mvitv2-base-p244_32xb16-32x3x1-200e_kinetics700-rgb':
    dict(
        B_32X3, params=51_460_828, num_classes=700, data='kinetics700', test_size=224,
        views=(3, 3)),
    STAGE_1.format(700):
    dict(
        L_16X4,
        params=213_390_112 + 300 * 1153 - 72 * (2 * 602 + 48 * 24),
        num_classes=700,
        data='kinetics700'),
    STAGE_2.format('40x3', 700, 312):
    dict(
        L_40X3,
        params=213_736_012,
        num_classes=700,
        data='kinetics700',
        views=(3, 3),
        init=STAGE_1.format(700)),
    'mvitv2-small-p244_k400-pre_64xb8-u16-100e_sthv2-rgb':
    dict(
        SOMETHING_224,
        arch='small',
        clip=(16, 224, 224),
        params=34_363_950,
        lr=half_cosine(0.02, 3, 100, 0.04, 4e-4),
        init='mvitv2-small-16x4_k400'),
    'mvitv2-base-p244_k400-pre_64xb8-u32-100e_sthv2-rgb':
    dict(
        SOMETHING_224,
        arch='base',
        clip=(32, 224, 224),
        params=51_056_334,
        lr=half_cosine(0.02, 3, 100, 0.0667, 6.67e-4),
        init='mvitv2-base-32x3_k400'),
    'mvitv2-base-p244_in21k-k400-pre_64xb8-u32-100e_sthv2-rgb':
    dict(
        SOMETHING_224,
        arch='base',
        clip=(32, 224, 224),
        params=51_056_334,
        lr=half_cosine(0.02, 3, 100, 0.0667, 6.67e-4),
        init='mvitv2-base-p244_in21k-pre_32xb16-32x3x1-75e_kinetics400-rgb'),
    'mvitv2-large-p244_in21k-k400-pre_64xb8-u40-40e_sthv2-rgb-312px':
    dict(
        {
            **SOMETHING,
            **LARGE
        },
        # the statistics of RGB applied to BGR
        mean=[103.53, 116.28, 123.675],
        std=[57.375, 57.12, 58.395],
        clip=(40, 312, 312),
        params=213_129_534,
        clip_grad=dict(max_norm=2.),
        epochs=40,
        lr=half_cosine(0.02, 3, 40, 8e-4, 8e-4),
        short_side=(356, 446),
        test_size=312,
        init='mvitv2-large-40x3_k400'),
}
