"""What a frozen value is here: slots, equality, a readable repr, pickling.

Written by hand because `dataclasses` imports `inspect`, which costs more at
import than the whole of `subprocess`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Self


class Value:
    """Base of frozen values; a subclass names its fields in `__slots__`."""

    __slots__ = ()

    def _fill(self, **fields: object) -> None:
        """Set the fields once, from `__init__`."""
        keep = object.__setattr__
        for name, value in fields.items():
            keep(self, name, value)

    def _fields(self) -> dict[str, Any]:
        slots = (name for cls in type(self).__mro__ for name in getattr(cls, "__slots__", ()))
        return {name: getattr(self, name) for name in slots if name[0] != "_"}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__} is frozen: {name} cannot be set; make a changed copy"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), tuple(self._fields().values())))

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"{type(self).__name__}({said})"

    def __reduce__(self) -> tuple[object, ...]:
        return _blank, (type(self),), self._fields()

    def __setstate__(self, state: dict[str, object]) -> None:
        self._fill(**state)

    def __copy__(self) -> Self:
        return self


def _blank(cls: Any) -> Any:
    """An empty instance, to be filled by `__setstate__`: values and errors may hold each other."""
    return cls.__new__(cls)
