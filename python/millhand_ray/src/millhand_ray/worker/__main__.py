"""`python -m millhand_ray.worker PARENT`: frames come on standard input, and go where standard output went."""

from __future__ import annotations

import os
import struct
import sys
import threading
from typing import BinaryIO

from ..processes import die_with_parent
from .codec import decode_all
from .runtime import Runtime, guarded


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    # Whatever a task's libraries print is not to be taken for frames.
    protocol = os.dup(1)
    os.dup2(2, 1)
    # What a task starts has no part in this conversation.
    source = os.fdopen(os.dup(0), "rb", buffering=1 << 18)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    runtime = Runtime(protocol)
    reader = threading.Thread(target=guarded, args=[lambda: read(source, runtime)], name="millhand-reader", daemon=True)
    reader.start()
    runtime.run()


def read(source: BinaryIO, runtime: Runtime) -> None:
    """Hands frames to the runtime. At their end the parent is gone, and so is all use of this process."""
    while head := source.read(4):
        (length,) = struct.unpack(">I", head)
        for batch in decode_all(source.read(length)):
            runtime.receive(batch)
    os._exit(0)


if __name__ == "__main__":
    main()
