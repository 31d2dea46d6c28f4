"""The image recipes, transcribed from the paper (appendix B.2) and facebookresearch/mvit."""
from harness import half_cosine


def schedule(peak, warmup, epochs):
    """Linear from 4e-5 of the peak, half a cosine to 4e-3 of it."""
    return half_cosine(peak, warmup, epochs, 4e-5 if warmup else 1., 4e-3)


def adamw(lr, weight_decay):
    return dict(type='AdamW', lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)


# 300 epochs from scratch
SCRATCH = dict(
    size=224,
    resize=256,
    optimizer=adamw(2e-3, 0.05),
    batch=2048,
    epochs=300,
    lr=schedule(2e-3, 70, 300),
    mix_prob=1.,
    cls_token=False,
    num_classes=1000,
    # where the weights of the start come from: all of them, or those of the backbone
    load_from=None,
    init=None)
PX384 = dict(size=384, resize=438)
FINETUNE = SCRATCH | PX384 | dict(epochs=30)
IN21K = SCRATCH | dict(
    # 6.75e-5 for 256 images; batch and warm-up of the recipe on ImageNet-1K
    optimizer=adamw(8 * 6.75e-5, 0.01),
    epochs=90,
    lr=schedule(8 * 6.75e-5, 70, 90),
    cls_token=True,
    num_classes=19168)
IN21K_LARGE = IN21K | dict(optimizer=adamw(8e-4, 0.1), lr=schedule(8e-4, 70, 90))
FROM_IN21K = SCRATCH | dict(
    optimizer=adamw(7e-5, 0.05),
    batch=64,
    epochs=30,
    lr=schedule(7e-5, 5, 30),
    mix_prob=0.,
    cls_token=True)

T = dict(arch='tiny', drop_path=0.1)
S = dict(arch='small', drop_path=0.1)
B = dict(arch='base', drop_path=0.3)
L = dict(arch='large', drop_path=0.5)
H = dict(arch='huge', drop_path=0.8)

RECIPES = {
    'mvitv2-tiny_8xb256_in1k':
    SCRATCH | T | dict(params=24_173_320),
    'mvitv2-small_8xb256_in1k':
    SCRATCH | S | dict(params=34_870_216),
    'mvitv2-base_8xb256_in1k':
    SCRATCH | B | dict(params=51_472_744),
    'mvitv2-large_8xb256_in1k':
    SCRATCH | L | dict(params=217_992_952, optimizer=adamw(2e-3, 0.1)),
    'mvitv2-base_64xb8_in1k-384px':
    FINETUNE | B | dict(
        params=51_599_464,
        # 4e-5 for 256 images, 8 images on each of 64 GPUs
        optimizer=adamw(8e-5, 0.05),
        batch=512,
        lr=schedule(8e-5, 5, 30),
        load_from='mvitv2-base_in1k'),
    'mvitv2-large_8xb8_in1k-384px':
    FINETUNE | L | dict(
        params=218_164_312,
        optimizer=adamw(5e-4, 0.1),
        batch=64,
        lr=schedule(5e-4, 5, 30),
        mix_prob=0.,
        load_from='mvitv2-large_in1k'),
    'mvitv2-small_64xb32_in21k':
    IN21K | S | dict(params=48_841_504),
    'mvitv2-base_64xb32_in21k':
    IN21K | B | dict(params=65_444_032),
    'mvitv2-large_64xb32_in21k':
    IN21K_LARGE | L | dict(params=234_583_216),
    'mvitv2-huge_64xb32_in21k':
    IN21K_LARGE | H | dict(params=694_804_128, epochs=60, lr=schedule(8e-4, 14, 60)),
    'mvitv2-large_in21k-pre_8xb8_in1k':
    FROM_IN21K | L | dict(params=213_635_512, init='mvitv2-large_in21k'),
    'mvitv2-huge_in21k-pre_8xb8_in1k':
    FROM_IN21K | H | dict(params=666_879_912, init='mvitv2-huge_in21k'),
    'mvitv2-large_in21k-pre_8xb8_in1k-384px':
    FROM_IN21K | L | PX384 | dict(params=213_806_872, init='mvitv2-large_in21k'),
    'mvitv2-huge_in21k-pre_8xb8_in1k-384px':
    FROM_IN21K | H | PX384 | dict(params=667_129_512, init='mvitv2-huge_in21k'),
    'mvitv2-huge_in21k-pre_8xb8_in1k-512px':
    FROM_IN21K | H | dict(
        size=512,
        resize=585,
        params=667_329_192,
        optimizer=adamw(7e-5, 1e-8),
        epochs=3,
        lr=schedule(7e-5, 0, 3),
        mix_prob=1.,
        load_from='work_dirs/mvitv2-huge_in21k-pre_8xb8_in1k-384px/epoch_30.pth'),
}
# variants: name -> (recipe, part in which they differ)
VARIANTS = {
    f'{name}_full-crop': (name, 'test_dataloader')
    for name, recipe in RECIPES.items() if recipe['size'] > 224
}
VARIANTS['mvitv2-tiny_8xb256-repeat-aug_in1k'] = ('mvitv2-tiny_8xb256_in1k', 'train_dataloader')
