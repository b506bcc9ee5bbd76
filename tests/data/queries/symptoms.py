"""What readers see go wrong, in their words."""

SYMPTOMS = {
    "loss goes NaN after a few steps": (
        "gradients/finite-everywhere debugging/nan-and-magnitudes gradients/nan AG106"
    ),
    "gradients differ when batch is 1": (
        "verification/other-sizes verification/inputs-that-count AG105 gradients/broadcasting"
    ),
    "memory grows every iteration until out of memory": "ctx/saving-outputs AG202",
    "GPU memory leak with custom function": "ctx/saving-outputs AG202",
    "memory leak, reference cycle": "ctx/saving-outputs AG202",
    "my parameter never changes during training": (
        "template/captured-tensors AG007 gradients/none-for-an-input AG103"
    ),
    "weight.grad is None after backward": (
        "gradients/none-for-an-input AG103 template/captured-tensors AG007 "
        "template/tensors-in-containers"
    ),
    "parameter in a closure is not trained": "template/captured-tensors AG007",
    "weights in a list get no gradient": "template/tensors-in-containers AG006",
    "gradient is None when another input is frozen": "ctx/frozen-inputs AG410",
    "works until I freeze the backbone, then backward fails": "ctx/frozen-inputs AG410",
    "gradient is exactly twice as large as it should be": "debugging/wrong-values AG101",
    "gradient has the wrong sign": "debugging/wrong-values AG101",
    "passes with square matrices but fails with rectangular ones": (
        "gradients/matmul debugging/wrong-values verification/inputs-that-count"
    ),
    "gradient penalty is ignored": (
        "double-backward/once-differentiable AG502 AG503 double-backward/saved-intermediates "
        "AG501 double-backward/when-it-matters"
    ),
    "WGAN-GP does not converge with my own op": (
        "double-backward/saved-intermediates AG501 double-backward/once-differentiable "
        "double-backward/when-it-matters"
    ),
    "second derivative comes out zero": (
        "double-backward/saved-intermediates AG501 double-backward/once-differentiable AG502"
    ),
    "gradcheck passes but gradgradcheck fails": (
        "double-backward/saved-intermediates AG501 double-backward/once-differentiable AG502"
    ),
    "gradcheck passes but training diverges": (
        "verification/what-a-verdict-does-not-prove verification/gradcheck "
        "ctx/no-state-outside AG206 gradients/linear-in-grad-output"
    ),
    "gradcheck fails for relu at zero": "verification/kinks AG111",
    "gradcheck fails only in float32": "verification/gradcheck AG114 gradients/low-precision",
    "gradcheck takes forever on big inputs": "verification/gradcheck verification/fast-mode",
    "two identical layers in a row give wrong gradients, one layer is fine": (
        "ctx/no-state-outside AG206 ctx/workspaces AG209"
    ),
    "output of the first call changes when I call the layer again": "ctx/workspaces AG209",
    "different gradient each time I call backward with retain_graph": (
        "in-place/repeatable-backward AG307 gradients/randomness AG107"
    ),
    "residual connection gets wrong gradient": "in-place/grad-output AG301 in-place/inputs AG303",
    "wrong gradients only after a transpose or permute": (
        "layouts/grad-output AG407 layouts/inputs AG408"
    ),
    "wrong values for channels last images": "layouts/inputs AG408",
    "crashes on the last batch when it is empty": "layouts/empty-and-scalar AG409",
    "empty batch": "layouts/empty-and-scalar AG409",
    "gradient explodes at zero": "gradients/finite-everywhere AG106 debugging/nan-and-magnitudes",
    "NaN in backward": "gradients/nan gradients/finite-everywhere debugging/nan-and-magnitudes",
    "norm of zero vector gives nan gradient": "gradients/finite-everywhere AG106",
    "bfloat16 sum of gradients too small": "gradients/low-precision AG108",
    "loss stagnates in half precision but not in fp32": (
        "gradients/low-precision AG108 transforms/autocast"
    ),
    "torch.compile gives other gradients than eager": "transforms/compile AG606",
    "per-sample gradients are mixed up between samples": "transforms/vmap AG601",
    "zeroing one gradient also zeroes another one": "in-place/aliased-gradients AG305",
    "clip_grad_norm changes gradients of two parameters at once": (
        "in-place/aliased-gradients AG305"
    ),
    "backward is slow although most inputs are frozen": "ctx/needs-input-grad AG701",
    "activation offloading does not reduce the memory of my function": (
        "memory/saved-tensor-hooks AG605"
    ),
    "a small slice keeps a huge tensor in memory": "memory/saved-views AG208",
    "embedding rows that occur twice get too small a gradient": "gradients/indexing",
    "max gradient goes to the wrong element when values are equal": (
        "operations/ties gradients/reductions"
    ),
    "complex gradient is conjugated": "operations/complex-tensors",
    "gradient of eigenvectors is nan for repeated eigenvalues": "operations/decompositions",
    "cumprod gradient is nan when an element is zero": "operations/cumulative-operations",
    "loss scale changes with number of padded tokens": "operations/cross-entropy",
    "gradients are too small by the number of GPUs": "advanced/distributed",
    "a checkpointed block gives different gradients": "advanced/checkpointed-functions",
    "backward is never called, breakpoint is not hit": "template/call-apply AG008",
    "gradient is clipped even when I scale the loss by 1000": (
        "gradients/linear-in-grad-output AG102"
    ),
    "gradient is right on random inputs and wrong for negative ones": (
        "verification/other-points AG104"
    ),
    "adding in place to the result of my layer raises a view error": (
        "in-place/outputs AG308 in-place/output-views AG306"
    ),
    "padded rows of the gradient hold garbage values": "memory/uninitialised AG309",
    "backward also changes .grad of other parameters": "double-backward/inner-backward AG505",
}
