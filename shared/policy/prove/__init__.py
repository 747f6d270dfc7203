"""Proves the packs against the duty register, two ways that must agree."""

from shared.policy.prove.compare import Loss, is_weaker, stronger_or_equal
from shared.policy.prove.duties import Register, load_register
from shared.policy.prove.proof import Engine, Failure, Proof, Prover
from shared.policy.prove.smt import SolverMissing
from shared.policy.prove.sources import Effects, layer, layers
from shared.policy.prove.space import slices
from shared.policy.prove.thin import thinner

__all__ = [
    "Effects",
    "Engine",
    "Failure",
    "Loss",
    "Proof",
    "Prover",
    "Register",
    "SolverMissing",
    "is_weaker",
    "layer",
    "layers",
    "load_register",
    "slices",
    "stronger_or_equal",
    "thinner",
]
