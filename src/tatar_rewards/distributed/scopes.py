"""What holds within a `with`, in the thread that enters it and in threads that start there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class InheritedFlag:
    """A flag that is up in the thread that raises it, and in all threads that start before it is lowered.

    Python hands a `ContextVar` on to tasks, but not to threads.

    Examples:
        >>> flag = InheritedFlag("example")
        >>> with flag.raised():
        ...     bool(flag)
        True
        >>> bool(flag)
        False
    """

    def __init__(self, name: str) -> None:
        self._here: ContextVar[bool] = ContextVar(f"tatar_rewards_{name}", default=False)
        self._older: dict[object, set[threading.Thread]] = {}  # of each open scope: threads that are not its own

    @contextmanager
    def raised(self) -> Iterator[None]:
        scope = object()
        self._older[scope] = set(threading.enumerate())
        try:
            with self.raised_in_this_thread():
                yield
        finally:
            del self._older[scope]

    @contextmanager
    def raised_in_this_thread(self) -> Iterator[None]:
        """For code that starts no threads: it costs less."""
        token = self._here.set(True)
        try:
            yield
        finally:
            self._here.reset(token)

    def __bool__(self) -> bool:
        if self._here.get() or not self._older:
            return self._here.get()
        thread = threading.current_thread()
        return any(thread not in older for older in list(self._older.values()))
