"""Exchange rates are what nobody in a scenario decides: fixed, taken from history, or drawn."""

from sim.scenario.model.fx.bases import (
    BootstrapFx,
    Bridge,
    ConstantFx,
    HistoryFx,
    LognormalFx,
    MeanRevertingFx,
    Regime,
    RegimeFx,
)
from sim.scenario.model.fx.layers import (
    BandFx,
    BasketFx,
    DatedJump,
    FixedSize,
    Fx,
    Jump,
    JumpFx,
    Layer,
    NormalSize,
    Size,
    UniformSize,
    is_layer,
)
from sim.scenario.model.fx.parts import Model, correlation_matrix

__all__ = [
    "BandFx",
    "BasketFx",
    "BootstrapFx",
    "Bridge",
    "ConstantFx",
    "DatedJump",
    "FixedSize",
    "Fx",
    "HistoryFx",
    "Jump",
    "JumpFx",
    "Layer",
    "LognormalFx",
    "MeanRevertingFx",
    "Model",
    "NormalSize",
    "Regime",
    "RegimeFx",
    "Size",
    "UniformSize",
    "correlation_matrix",
    "is_layer",
]
