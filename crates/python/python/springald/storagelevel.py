"""Where cached rows are kept, as PySpark writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["StorageLevel"]


@dataclass(frozen=True)
class StorageLevel:
    """A wish for where cached rows are kept; Springald's workers keep them in memory, and on disk beyond that.

    >>> print(StorageLevel.MEMORY_AND_DISK)
    Disk Memory Serialized 1x Replicated
    """

    useDisk: bool
    useMemory: bool
    useOffHeap: bool
    deserialized: bool
    replication: int = 1

    NONE: ClassVar[StorageLevel]
    DISK_ONLY: ClassVar[StorageLevel]
    MEMORY_ONLY: ClassVar[StorageLevel]
    MEMORY_AND_DISK: ClassVar[StorageLevel]
    MEMORY_AND_DISK_DESER: ClassVar[StorageLevel]
    OFF_HEAP: ClassVar[StorageLevel]

    def __str__(self) -> str:
        words = [("Disk ", self.useDisk), ("Memory ", self.useMemory), ("OffHeap ", self.useOffHeap)]
        form = "Deserialized " if self.deserialized else "Serialized "
        return "".join(word for word, on in words if on) + form + f"{self.replication}x Replicated"


StorageLevel.NONE = StorageLevel(False, False, False, False)
StorageLevel.DISK_ONLY = StorageLevel(True, False, False, False)
StorageLevel.MEMORY_ONLY = StorageLevel(False, True, False, False)
StorageLevel.MEMORY_AND_DISK = StorageLevel(True, True, False, False)
StorageLevel.MEMORY_AND_DISK_DESER = StorageLevel(True, True, False, True)
StorageLevel.OFF_HEAP = StorageLevel(True, True, True, False)
