"""Everything that rules may ask about one call of the checked code: the groups of facts, put together.

A fact is observed lazily, once, on fresh inputs; one that cannot be had raises :class:`NotApplicable` with the reason,
each time it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pytest_autograd.call.call import Call
from pytest_autograd.derivatives.linearity import Nonlinearity
from pytest_autograd.derivatives.oracle import GradientOracle
from pytest_autograd.derivatives.second_order import SecondOrder
from pytest_autograd.derivatives.verdicts import FirstOrder, Trial
from pytest_autograd.domains.domain import Domain
from pytest_autograd.facts.addresses import Addresses
from pytest_autograd.facts.aliasing import Aliasing
from pytest_autograd.facts.base import Subject
from pytest_autograd.facts.checkpointing import Checkpointing
from pytest_autograd.facts.compilers import Compilers
from pytest_autograd.facts.domains import Domains
from pytest_autograd.facts.layouts import Layouts
from pytest_autograd.facts.low_precision import LowPrecision
from pytest_autograd.facts.non_finite import NonFinite
from pytest_autograd.facts.numbers import Numbers
from pytest_autograd.facts.other_doors import OtherDoors
from pytest_autograd.facts.other_inputs import OtherInputs
from pytest_autograd.facts.partial_gradients import PartialGradients
from pytest_autograd.facts.run import ObservedRun
from pytest_autograd.facts.saved_tensors import SavedTensors
from pytest_autograd.facts.source import Source
from pytest_autograd.facts.state import State
from pytest_autograd.facts.threads import Threads
from pytest_autograd.facts.torch_checks import GradcheckResult, TorchChecks
from pytest_autograd.facts.transforms import Transforms
from pytest_autograd.facts.uninitialised import Uninitialised
from pytest_autograd.facts.unseen_tensors import UnseenTensors
from pytest_autograd.facts.writes import Writes
from pytest_autograd.options import Options
from pytest_autograd.places import Place


class Probe:
    """All facts about one call."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.call, self.options = subject.call, subject.options
        self.source = Source(subject)
        self.run = run = ObservedRun(subject, self.source)
        self.domains = Domains(subject)
        self.numbers = numbers = Numbers(subject, run, self.domains)
        addresses = Addresses(subject, numbers)
        self.other_inputs = OtherInputs(subject, numbers, self.domains, addresses)
        self.other_doors = OtherDoors(subject, numbers)
        self.low_precision = LowPrecision(subject, numbers, addresses)
        self.non_finite = NonFinite(subject, numbers, self.domains)
        self.writes = Writes(subject, run)
        self.state = State(subject, run, numbers)
        self.saved_tensors = SavedTensors(subject, run, numbers)
        self.aliasing = Aliasing(subject, run, numbers)
        self.layouts = Layouts(subject, numbers)
        self.partial_gradients = PartialGradients(subject, run, numbers, addresses)
        self.unseen_tensors = UnseenTensors(subject, run, numbers)
        self.uninitialised = Uninitialised(subject, numbers)
        self.transforms = Transforms(subject, run, numbers)
        self.compilers = Compilers(subject, numbers)
        self.checkpointing = Checkpointing(subject, run, numbers)
        self.threads = Threads(subject, self.source, numbers, self.state, self.uninitialised)
        self.torch_checks = TorchChecks(subject, run, numbers, addresses)


class SourceLines(Protocol):
    """Lines that findings about values point at."""

    def of_gradient(self, argument: str) -> Place | None:
        """Return the line that makes the gradient of ``argument``."""
        ...

    @property
    def of_backward(self) -> Place | None:
        """The line where backward is defined."""
        ...

    @property
    def of_target(self) -> Place | None:
        """The line where the target is defined."""
        ...


class ObservedCasts(Protocol):
    """What the engine cast."""

    def cast_error(self, argument: str) -> float:
        """Return the relative error that a gradient has for its own dtype alone."""
        ...


class NumberFacts(Protocol):
    """The verdicts on the numbers."""

    @property
    def evaluator(self) -> GradientOracle:
        """The numbers themselves."""
        ...

    @property
    def first_order(self) -> FirstOrder:
        """The verdict on the first derivatives."""
        ...

    @property
    def second_order(self) -> SecondOrder:
        """The verdict on the second derivatives."""
        ...

    @property
    def nonlinearities(self) -> list[Nonlinearity]:
        """The laws of linearity in grad_output that backward breaks."""
        ...

    @property
    def reference_error(self) -> tuple[str, float]:
        """The output that is farthest from the reference's, and its relative error."""
        ...

    @property
    def precision(self) -> float:
        """Machine epsilon of the coarsest float that forward works in."""
        ...

    @property
    def data_precision(self) -> float:
        """Machine epsilon of the data: of the dtype given, or of that which they were rounded to before."""
        ...

    def missing_term(self, trial: Trial, place: int) -> str | None:
        """Return the operation whose derivative is missing from a gradient, if one fits."""
        ...

    def peek(self, name: str) -> Any:
        """Return a fact if it is known."""
        ...

    def why_not(self, name: str) -> str | None:
        """Return why a fact could not be had."""
        ...


class DomainFacts(Protocol):
    """Where arguments live."""

    @property
    def likely(self) -> Mapping[str, Domain]:
        """By argument, the set of measure zero that its given value lies in, where none is declared."""
        ...


class GradcheckFacts(Protocol):
    """What torch's gradcheck says."""

    @property
    def gradcheck(self) -> GradcheckResult:
        """Its result."""
        ...


class ValueFacts(Protocol):
    """All that rules about values, and the diagnosis, may ask: what a judge in another process can answer too."""

    @property
    def call(self) -> Call:
        """The call under check."""
        ...

    @property
    def options(self) -> Options:
        """The options of the check."""
        ...

    @property
    def source(self) -> SourceLines: ...
    @property
    def run(self) -> ObservedCasts: ...
    @property
    def numbers(self) -> NumberFacts: ...
    @property
    def domains(self) -> DomainFacts: ...
    @property
    def torch_checks(self) -> GradcheckFacts: ...
