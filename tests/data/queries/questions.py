"""What readers ask, in their words."""

QUESTIONS = {
    "when do I need a custom autograd function": (
        "when-to-use/when-to-write-one when-to-use/when-not-to-write-one"
    ),
    "is a custom Function faster than composed torch ops": (
        "when-to-use/not-needed AG702 when-to-use/when-not-to-write-one "
        "when-to-use/when-to-write-one"
    ),
    "how do I save an intermediate result for backward": (
        "ctx/saving-tensors double-backward/saved-intermediates memory/recomputing"
    ),
    "can I store tensors on self or ctx": "ctx/saving-tensors AG201",
    "tensor kept as an attribute of ctx": "AG201 ctx/saving-tensors",
    "how many values must backward return": "template/one-gradient-per-input AG004",
    "what to return for an integer argument": (
        "template/one-gradient-per-input gradients/none-for-an-input ctx/non-tensors"
    ),
    "how to handle an optional bias": "template/several-inputs-one-optional",
    "how to return two outputs": "template/several-outputs",
    "return a dictionary of tensors from forward": "template/output-containers AG005",
    "how do I derive the gradient of my operation": "gradients/the-vjp",
    "what is a vector-Jacobian product": "gradients/the-vjp",
    "gradient of a broadcast bias": "gradients/broadcasting",
    "softmax backward formula": "gradients/softmax-and-log-softmax",
    "backward of batched matrix multiplication": "gradients/matmul",
    "derivative of layer normalisation": "gradients/layer-norm",
    "derivative of RMSNorm": "gradients/layer-norm gradients/reductions",
    "backward of conv2d by hand": "operations/convolution",
    "gradient of convolution with stride and padding": "operations/convolution",
    "backward of sort": "operations/sorting-and-top-k",
    "differentiate through top-k selection": "operations/sorting-and-top-k",
    "backward of cumsum": "operations/cumulative-operations",
    "prefix scan recurrence gradient": "operations/cumulative-operations",
    "gradient of matrix inverse": "operations/linear-solve",
    "backward of torch.linalg.solve": "operations/linear-solve",
    "log determinant derivative": "operations/linear-solve",
    "differentiate through a fixed point iteration": "operations/implicit-differentiation",
    "deep equilibrium model without backpropagating through the solver": (
        "operations/implicit-differentiation"
    ),
    "argmin layer, differentiate an optimisation problem": "operations/implicit-differentiation",
    "Wirtinger derivative convention": "operations/complex-tensors",
    "which subgradient at a tie": "operations/ties verification/kinks",
    "numerically stable log sigmoid": "operations/stable-forms gradients/finite-everywhere",
    "avoid catastrophic cancellation": "operations/stable-forms gradients/low-precision",
    "segment mean over graph edges": "operations/scatter-and-segments",
    "straight-through estimator": "verification/surrogate-gradients",
    "gradient reversal layer": "verification/surrogate-gradients",
    "how to test a quantiser whose gradient is not the true one": (
        "operations/quantisation verification/surrogate-gradients verification/contracts"
    ),
    "clip the gradient of the weight in backward": "verification/contracts",
    "tell the checker that my gradient is different on purpose": "verification/contracts",
    "which inputs should I use to test a gradient": "verification/inputs-that-count",
    "what does inconclusive mean": "verification/the-verdicts",
    "does verified mean the forward is correct": "verification/what-a-verdict-does-not-prove",
    "is fast_mode good enough": "verification/fast-mode",
    "how to save less memory for backward": "memory/saving-less memory/recomputing",
    "recompute activations instead of storing them": "memory/recomputing",
    "measure the saved bytes": "memory/measuring",
    "compress saved activations to 8 bit": "memory/packing-hooks",
    "memory efficient in-place activation": "in-place/in-place-done-right",
    "may I modify grad_output": "in-place/grad-output AG301",
    "is it safe to allocate the gradient with torch.empty": "memory/uninitialised AG309",
    "accumulate the weight gradient into main_grad": "gradients/leaving-elsewhere AG506",
    "is .data safe in forward": "in-place/data-attribute AG801",
    "dropout": "verification/stochastic-functions gradients/randomness AG107",
    "how do I write a backward for a CUDA or Triton kernel": "advanced/kernels",
    "C++ extension with autograd": "advanced/kernels transforms/custom-ops",
    "all-reduce inside an autograd function": "advanced/distributed",
    "use my function with DistributedDataParallel": "advanced/distributed",
    "log gradients during backward": "advanced/hooks-and-functions when-to-use/something-lighter",
    "wrap the function in an nn.Module": "template/as-a-module",
    "compute the gradient already in forward to save memory": "advanced/gradients-made-in-forward",
    "logits too large for memory with big vocabulary": (
        "advanced/gradients-made-in-forward memory/boxed-gradients"
    ),
    "accumulate in float32 while inputs are bfloat16": (
        "advanced/mixed-precision gradients/low-precision"
    ),
    "is backward run in another thread": "advanced/threads",
    "backward in numpy": "double-backward/numpy-in-backward AG802",
    "opcheck fake tensor": "transforms/custom-ops AG608",
    "forward-mode derivative": "transforms/jvp",
    "do I really have to run gradcheck, the math is simple": (
        "verification/mandatory excuses/the-gradient-looks-right excuses/i-tested-it"
    ),
    "I compared it by hand on one example, is that enough": "excuses/i-tested-it",
    "second derivative of a hand-written CUDA op": (
        "double-backward/backward-as-a-function double-backward/once-differentiable AG502"
    ),
    "autograd will compute that for me, no need for a Function": (
        "excuses/autograd-will-handle-it when-to-use/when-not-to-write-one"
    ),
    "ctx is just a bag for data": "excuses/ctx-details-do-not-matter",
    "in-place saves memory, so use it": (
        "excuses/in-place-is-more-efficient in-place/in-place-done-right"
    ),
    "is checking needs_input_grad worth it": (
        "excuses/skip-the-needs-input-grad-test ctx/needs-input-grad AG701"
    ),
    "broadcasting will take care of the gradient shape": (
        "excuses/the-shape-will-work-out gradients/shapes gradients/broadcasting AG401"
    ),
    "where do I start when the gradient is wrong": "debugging/workflow debugging/wrong-values",
}
