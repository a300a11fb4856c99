"""`one_moment`: the lock that is held while cells are read or assigned together, and while a program runs on them.

What it is not: a lock of the threads that run native code (`devices/cpu/threads.py`).
"""

from __future__ import annotations

import os
import threading

# Held while the cells of a model are read or assigned together, so that each such reading sees all of one moment.
one_moment = threading.RLock()

# A process is forked between steps: the child would find half of one in its cells, and nobody to release the lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=one_moment.acquire, after_in_parent=one_moment.release, after_in_child=one_moment.release
    )
