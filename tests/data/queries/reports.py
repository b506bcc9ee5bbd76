"""The words of public issues and forum threads, and what was found wanting later: never held out."""

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
