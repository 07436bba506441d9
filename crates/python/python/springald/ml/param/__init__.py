"""Parameters of estimators, transformers and evaluators."""

from springald.ml.param._converters import TypeConverters
from springald.ml.param._params import Param, Params

__all__ = ["Param", "Params", "TypeConverters"]
