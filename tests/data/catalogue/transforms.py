"""Transforms: vmap, forward mode and autocast; sparse inputs."""

import torch
from catalogue._mode import Mode, matrix, normal, vector
from torch.amp import custom_bwd, custom_fwd
from torch.autograd import Function

AUTOCAST = {"autocast": True}


class WithSetup(Function):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)


class Sine(WithSetup):
    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class SineOfCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class VmapTakesTheFirstAxis(Sine):
    @staticmethod
    def vmap(info, in_dims, x):
        return VmapTakesTheFirstAxis.apply(x), 0


class Centre(WithSetup):
    """Subtracts the mean over the last axis."""

    @staticmethod
    def forward(x):
        return x - x.mean(-1, keepdim=True)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output - grad_output.mean(-1, keepdim=True)


class VmapForgetsTheBatchAxis(Centre):
    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, x):
        return VmapForgetsTheBatchAxis.apply(x), in_dims[0]


class GeneratedVmapOfItem(Sine):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.sin() * (1.0 if x.sum().item() < 1e9 else 2.0)


class GeneratedVmapOfNumpy(Sine):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.from_numpy(x.detach().numpy().copy()).sin()


class WrongJvp(Sine):
    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return -tangent * x.cos()


class JvpWithoutSavedTensors(Sine):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return tangent * x.cos()


class MixesDtypesUnderAutocast(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x @ x.mT

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output + grad_output.mT) @ x


class BackwardInFloat32UnderAutocast(MixesDtypesUnderAutocast):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_output = grad_output.to(x.dtype)
        return (grad_output + grad_output.mT) @ x


class CustomBackwardOnly(SineOfCtx):
    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class CustomForwardWithSetupContext(WithSetup):
    @staticmethod
    @custom_fwd(device_type="cpu")
    def forward(x):
        return x.sin()

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class StateUnderGeneratedVmap(Sine):
    """A class-level counter that no number depends on."""

    generate_vmap_rule = True
    calls = 0

    @staticmethod
    def forward(x):
        StateUnderGeneratedVmap.calls += 1
        return x.sin()


class ScalesASparseMatrix(Function):
    @staticmethod
    def forward(ctx, matrix):
        return 3 * matrix.to_dense()

    @staticmethod
    def backward(ctx, grad_output):
        return 3 * grad_output


def sparse_matrix():
    places = torch.tensor([[0, 1, 2], [1, 0, 3]])
    return (torch.sparse_coo_tensor(places, normal(3).detach(), (3, 4), check_invariants=True),)


def single_precision():
    return (normal(4, 3, dtype=torch.float32),)


MODES = {
    "no_setup_context": Mode(
        SineOfCtx, vector, notes=frozenset({"AG602", "AG603"}), options={"vmap": True}
    ),
    "no_vmap_rule": Mode(Sine, vector, notes=frozenset({"AG602"}), options={"vmap": True}),
    "vmap_takes_the_first_axis": Mode(VmapTakesTheFirstAxis, matrix, "AG601"),
    "vmap_forgets_the_batch_axis": Mode(VmapForgetsTheBatchAxis, matrix, "AG601"),
    "generated_vmap_of_item": Mode(GeneratedVmapOfItem, vector, "AG601"),
    "generated_vmap_of_numpy": Mode(GeneratedVmapOfNumpy, vector, "AG601"),
    "state_under_generated_vmap": Mode(StateUnderGeneratedVmap, vector),
    "no_jvp": Mode(
        Sine,
        vector,
        notes=frozenset({"AG504", "AG602"}),
        options={"forward_ad": True, "vmap": True},
    ),
    "wrong_jvp": Mode(WrongJvp, vector, "AG504"),
    "jvp_without_saved_tensors": Mode(JvpWithoutSavedTensors, vector, "AG504"),
    "mixes_dtypes_under_autocast": Mode(
        MixesDtypesUnderAutocast, single_precision, "AG604", options=AUTOCAST
    ),
    "backward_in_float32_under_autocast": Mode(
        BackwardInFloat32UnderAutocast, single_precision, options=AUTOCAST
    ),
    "custom_backward_without_custom_forward": Mode(CustomBackwardOnly, vector, "AG002"),
    "custom_forward_with_setup_context": Mode(CustomForwardWithSetupContext, vector, "AG002"),
    "sparse_input_dense_gradient": Mode(ScalesASparseMatrix, sparse_matrix),
}
