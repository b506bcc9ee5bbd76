"""What readers of the skill type, in their words, and the sections or rules that answer it.

Error messages are apart, in ``pasted_errors``: they are produced by running faulty code.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """A query, what kind it is, and the ids of which one must be found."""

    text: str
    kind: str
    wanted: tuple[str, ...]
    group: str = ""

    @property
    def held_out(self) -> bool:
        """Whether it is of the third that the index is never tuned on; by a hash of text or group."""
        if self.kind == "report":
            return False
        return zlib.crc32((self.group or self.text).encode()) % 3 == 0


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
    "backward also changes .grad of other parameters": "double-backward/inner-backward AG505",
}

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

REQUESTS = {
    "fused layer norm with mixed precision": "gradients/layer-norm advanced/mixed-precision",
    "cross entropy with ignore_index": "operations/cross-entropy",
    "label smoothing cross entropy": "operations/cross-entropy",
    "sparsemax": "operations/projections",
    "projection onto the simplex": "operations/projections",
    "scatter-mean": "operations/scatter-and-segments",
    "LSQ quantiser with learnable step size": "operations/quantisation",
    "in-place rotary embedding": "in-place/in-place-done-right",
    "chunked linear plus cross entropy": "advanced/gradients-made-in-forward",
    "linear solve with second derivatives": "operations/linear-solve",
    "complex magnitude": "operations/complex-tensors",
    "lookup table with linear interpolation": "operations/interpolation",
    "spiking neuron with surrogate gradient": "verification/surrogate-gradients",
    "binarised weights": "verification/surrogate-gradients operations/quantisation",
    "swish with learnable beta": "gradients/elementwise template/the-smallest-complete-function",
    "bilinear grid sampling": "operations/interpolation",
    "selective scan, linear recurrence": "operations/cumulative-operations",
    "differentiable k-nearest neighbours": "operations/sorting-and-top-k",
    "custom conv2d that logs statistics": "operations/convolution ctx/non-tensors",
    "max pooling backward": "operations/sorting-and-top-k gradients/indexing operations/ties",
}

NAMES = {
    "AG301": "AG301",
    "grad-output-mutated": "AG301",
    "ag501": "AG501",
    "save_for_backward": "ctx/saving-tensors",
    "ctx.saved_tensors": "ctx/saved-tensors-in-forward ctx/saving-tensors",
    "needs_input_grad": "ctx/needs-input-grad AG701",
    "mark_dirty": "in-place/mark-dirty AG304",
    "mark_non_differentiable": "ctx/non-differentiable-outputs",
    "set_materialize_grads": "ctx/undefined-gradients",
    "once_differentiable": "double-backward/once-differentiable",
    "setup_context": "transforms/setup-context",
    "generate_vmap_rule": "transforms/vmap transforms/setup-context",
    "save_for_forward": "transforms/jvp",
    "custom_fwd custom_bwd": "transforms/autocast",
    "torch.library.custom_op register_autograd": "transforms/custom-ops",
    "saved_tensors_hooks": "memory/saved-tensor-hooks memory/packing-hooks",
    "torch.utils.checkpoint": (
        "advanced/checkpointed-functions memory/recomputing when-to-use/something-lighter"
    ),
    "gradgradcheck": "verification/gradcheck double-backward/saved-intermediates",
    "torch.autograd.gradcheck nondet_tol": "verification/gradcheck",
    "set_detect_anomaly": "debugging/nan-and-magnitudes debugging/errors-in-backward",
    "create_graph=True": "double-backward/when-it-matters double-backward/saved-intermediates",
    "boxed_grads_call": "memory/boxed-gradients",
    "index_add": "gradients/indexing operations/scatter-and-segments",
    "torch.gather backward": "gradients/indexing operations/scatter-and-segments",
    "sum_to_size": "gradients/broadcasting",
    "register_hook": "advanced/hooks-and-functions when-to-use/something-lighter",
    "torch.func.jacrev": "transforms/func",
    "nan_to_num": "gradients/nan AG110",
    "torch.nn.grad.conv2d_input": "operations/convolution",
    "logsumexp": "gradients/reductions operations/stable-forms",
    "autograd_checked": "verification/the-marker",
    "grad_transform": "verification/contracts",
}

# In the words of public issues and forum threads, and what was found wanting later: never held out.
REPORTS = {
    "custom backward not called": "template/call-apply AG008",
    "my backward is not executed even though forward is": "template/call-apply AG008",
    "Dynamo drops my custom backward under torch.func.grad": "transforms/compile AG606",
    "contexts are never garbage collected when an output tensor is assigned to an attribute": (
        "ctx/saving-outputs AG202"
    ),
    "memory leak when autograd.grad is used in backward": (
        "double-backward/inner-backward ctx/saving-outputs"
    ),
    "leak with activation checkpointing": "advanced/checkpointed-functions",
    "intermediary results are dangerous for double backward": (
        "double-backward/saved-intermediates AG501"
    ),
    "vmap fails if the model has a full backward hook": (
        "advanced/hooks-and-functions transforms/setup-context"
    ),
    "gradcheck fails with a cryptic error": "verification/gradcheck AG114 debugging/error-messages",
    "saved_tensors does not work in my backward": (
        "ctx/saving-tensors ctx/saving-once debugging/error-messages"
    ),
    "how do I make dropout deterministic in gradcheck": "verification/stochastic-functions",
    "ctx attribute vs save_for_backward": "ctx/saving-tensors AG201",
    "RuntimeError: expected scalar type Half but found Float": (
        "transforms/autocast gradients/dtype"
    ),
    "works on CPU, but on the GPU backward says expected device cuda:0 but got cpu": (
        "gradients/device AG404"
    ),
    "custom loss function with custom gradient": (
        "when-to-use/when-to-write-one template/the-smallest-complete-function "
        "verification/contracts"
    ),
    "weights do not update": "template/captured-tensors gradients/none-for-an-input AG007 AG103",
    "backward of argmax": "operations/sorting-and-top-k ctx/non-differentiable-outputs",
    "freeze part of the inputs": "ctx/frozen-inputs AG410",
    "why is my gradient all zeros after round": (
        "operations/quantisation verification/surrogate-gradients"
    ),
    "attention backward": "operations/attention",
    "flash attention gradient": "operations/attention",
    "the report has several findings, which one first": "debugging/from-a-report",
    "what does this error of torch mean": "debugging/error-messages debugging/more-messages",
    "I think this finding is a false alarm": "debugging/from-a-report",
    "use scipy in forward": "when-to-use/when-to-write-one double-backward/numpy-in-backward",
    "gradient for boolean mask input": "gradients/none-for-an-input AG405 gradients/piecewise",
    "gradient accumulation gives wrong result with custom op": "ctx/no-state-outside AG206",
    "save a python list for backward": "ctx/non-tensors AG203",
    "non-tensor output": "template/several-outputs ctx/non-differentiable-outputs",
    "einsum gradient": "gradients/matmul",
    "test takes too long": "verification/gradcheck verification/fast-mode",
    "is it ok to return a view of the input": "in-place/output-views AG306",
    "grad is None for the second argument": "gradients/none-for-an-input AG103",
    "extra tensor dimension in gradient": "gradients/shapes AG401",
    "ReLU backward mask memory": "memory/saving-less",
    "How to test second order gradients": "verification/gradcheck double-backward/when-it-matters",
    "hessian vector product fails with my layer": (
        "double-backward/when-it-matters double-backward/saved-intermediates AG501 "
        "double-backward/once-differentiable"
    ),
    "gradient wrong when batch has different length": "verification/other-sizes AG105",
    "embedding bag custom backward": "gradients/indexing operations/scatter-and-segments",
    "group norm backward": "gradients/layer-norm",
    "gumbel softmax hard sample gradient": "verification/surrogate-gradients",
    "tensor modified after saving": "in-place/saved-tensors AG302",
    "use torch.no_grad in backward": "double-backward/once-differentiable AG502",
    "use of with torch.enable_grad in forward": "double-backward/inner-backward",
    "keyword arguments to apply": (
        "template/tensors-in-containers template/one-gradient-per-input template/call-apply"
    ),
    "I saved the input but only use the output": "memory/unused-saves AG207",
    "gradient agrees only to four digits": "verification/accuracy AG113",
    "writing a custom backward is beyond me": "excuses/too-complex-for-me",
    "how to write the pytest test": "template/its-test verification/the-marker",
}

KINDS = {
    "symptom": SYMPTOMS,
    "question": QUESTIONS,
    "request": REQUESTS,
    "name": NAMES,
    "report": REPORTS,
}
QUERIES = [
    Query(text, kind, tuple(wanted.split()))
    for kind, table in KINDS.items()
    for text, wanted in table.items()
]
