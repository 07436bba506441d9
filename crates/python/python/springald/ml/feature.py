"""Features out of columns."""

from springald.ml._assembler import VectorAssembler
from springald.ml._categories import (
    IndexToString,
    OneHotEncoder,
    OneHotEncoderModel,
    StringIndexer,
    StringIndexerModel,
)
from springald.ml._discrete import Binarizer, Bucketizer
from springald.ml._imputer import Imputer, ImputerModel
from springald.ml._scaler import StandardScaler, StandardScalerModel
from springald.ml._statement import SQLTransformer

__all__ = [
    "Binarizer",
    "Bucketizer",
    "Imputer",
    "ImputerModel",
    "IndexToString",
    "OneHotEncoder",
    "OneHotEncoderModel",
    "SQLTransformer",
    "StandardScaler",
    "StandardScalerModel",
    "StringIndexer",
    "StringIndexerModel",
    "VectorAssembler",
]
