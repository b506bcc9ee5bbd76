"""What was asked of the skill, and what its search must find."""

from __future__ import annotations

# What was asked of the skill, and the sections that answer it.
ASKED = {
    "when a Function is truly needed": "when-to-use/when-to-write-one",
    "Function against a normal function": "when-to-use/when-not-to-write-one",
    "a complete template": "template/the-smallest-complete-function",
    "forward and backward": "template/one-gradient-per-input",
    "ctx: save_for_backward": "ctx/saving-tensors",
    "ctx: saved_tensors": "ctx/saved-tensors-in-forward",
    "gradcheck is mandatory": "verification/mandatory",
    "gradcheck itself": "verification/gradcheck",
    "gradients: matmul": "gradients/matmul",
    "gradients: broadcast": "gradients/broadcasting",
    "gradients: reduction": "gradients/reductions",
    "gradient shape equals input shape": "gradients/shapes",
    "pitfalls: in-place": "in-place/grad-output",
    "pitfalls: ctx": "ctx/saving-outputs",
    "debugging workflow": "debugging/workflow",
    "debugging: shapes": "debugging/errors-in-backward",
    "debugging: magnitudes": "debugging/nan-and-magnitudes",
    "memory: selective saving": "memory/saving-less",
    "memory: checkpointing": "memory/recomputing",
    "memory: gradient checkpointing hooks": "memory/packing-hooks",
    "memory: measured": "memory/measuring",
    "advanced: double backward": "double-backward/when-it-matters",
    "advanced: torch.func and vmap": "transforms/vmap",
    "advanced: forward mode": "transforms/jvp",
    "advanced: torch.compile": "transforms/compile",
    "advanced: custom operators": "transforms/custom-ops",
    "advanced: hooks": "when-to-use/something-lighter",
    "mistake: wrong formula, transposes": "debugging/wrong-values",
    "mistake: no gradient for an input": "gradients/none-for-an-input",
    "mistake: None for optional parameters": "template/several-inputs-one-optional",
    "mistake: tensors as attributes": "ctx/saving-tensors",
    "mistake: non-tensors saved": "ctx/non-tensors",
    "mistake: saved_tensors in forward": "ctx/saved-tensors-in-forward",
    "mistake: saved tensors modified": "in-place/saved-tensors",
    "mistake: no verification": "verification/what-a-verdict-does-not-prove",
    "mistake: in-place for efficiency": "in-place/inputs",
    "mistake: grad_output modified": "in-place/grad-output",
    "mistake: needs_input_grad": "ctx/needs-input-grad",
    "scenario: swish with a learnable beta": "gradients/elementwise",
    "scenario: clipped weight gradient": "verification/contracts",
    "scenario: save input, weight, stride": "ctx/non-tensors",
    "scenario: memory-efficient relu": "in-place/in-place-done-right",
    "excuse: autograd will handle it": "excuses/autograd-will-handle-it",
    "excuse: looks mathematically correct": "excuses/the-gradient-looks-right",
    "excuse: I tested it": "excuses/i-tested-it",
    "excuse: in-place is more efficient": "excuses/in-place-is-more-efficient",
    "excuse: ctx details don't matter": "excuses/ctx-details-do-not-matter",
    "excuse: shape will work out": "excuses/the-shape-will-work-out",
    "excuse: too complex for me": "excuses/too-complex-for-me",
    "excuse: skip needs_input_grad": "excuses/skip-the-needs-input-grad-test",
}

# What a reader types or pastes, and what must be among the first three hits.
QUERIES = {
    "RuntimeError: function SwishBackward returned an incorrect number of gradients "
    "(expected 3, got 2)": "template/one-gradient-per-input",
    "TypeError: save_for_backward can only save variables, but argument 1 is of type "
    "int": "ctx/non-tensors",
    "RuntimeError: Function AddBackward returned an invalid gradient at index 1 - got [3, 1] but "
    "expected shape compatible with [3]": "gradients/shapes",
    "RuntimeError: element 0 of tensors does not require grad and does not have a "
    "grad_fn": "ctx/non-differentiable-outputs",
    "RuntimeError: trying to differentiate twice a function that was marked with "
    "@once_differentiable": "double-backward/once-differentiable",
    "RuntimeError: In order to use an autograd.Function with functorch transforms (vmap, grad, "
    "jvp, ...), it must override the setup_context staticmethod": "transforms/setup-context",
    'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    y.backward()\n'
    "TypeError: backward() takes 2 positional arguments but 3 were given": (
        "template/several-outputs"
    ),
    "RuntimeError: a leaf Variable that requires grad has been used in an in-place "
    "operation.": "in-place/in-place-done-right",
    "memory leak, reference cycle": "ctx/saving-outputs",
    "straight-through estimator": "verification/surrogate-gradients",
    "clip the gradient of the weight in backward": "verification/contracts",
    "gradient of a broadcast bias": "gradients/broadcasting",
    "softmax backward formula": "gradients/softmax-and-log-softmax",
    "gradient penalty is ignored": "double-backward/once-differentiable",
    "dropout": "verification/stochastic-functions",
    "gradcheck fails for relu at zero": "verification/kinks",
    "tensor kept as an attribute of ctx": "AG201",
    "embedding lookup with repeated indices": "gradients/indexing",
    "NaN in backward": "gradients/nan",
    "RuntimeError: Some elements marked as dirty during the forward method were not returned as "
    "output. The inputs that are modified inplace must all be outputs of the "
    "Function.": "in-place/mark-dirty",
    "RuntimeError: You tried to vmap over MyFn, but it does not have vmap support.": (
        "transforms/vmap"
    ),
    "NotImplementedError: You must implement the jvp function for custom autograd.Function to use "
    "it with forward mode AD.": "transforms/jvp",
    "RuntimeError: expected m1 and m2 to have the same dtype, but got: c10::BFloat16 != float": (
        "transforms/autocast"
    ),
    "RuntimeError: view size is not compatible with input tensor's size and stride": (
        "layouts/grad-output"
    ),
    "RuntimeError: Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
    "instead.": "double-backward/numpy-in-backward",
    "gradient is None when another input is frozen": "ctx/frozen-inputs",
    "weights in a list get no gradient": "template/tensors-in-containers",
    "parameter in a closure is not trained": "template/captured-tensors",
    "torch.compile gives other gradients than eager": "transforms/compile",
    "bfloat16 sum of gradients too small": "gradients/low-precision",
    "measure the saved bytes": "memory/measuring",
    "empty batch": "layouts/empty-and-scalar",
    "opcheck fake tensor": "transforms/custom-ops",
    "AG301": "AG301",
    "grad-output-mutated": "AG301",
}
