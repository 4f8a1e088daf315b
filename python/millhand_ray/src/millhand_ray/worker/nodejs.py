"""`python -m millhand_ray.worker.nodejs PARENT NODE SCRIPT`: becomes a Node that runs the script.

Frames are on descriptors of their own.
"""

from __future__ import annotations

import os
import signal
import sys

from ..processes import die_with_parent

FRAMES_IN, FRAMES_OUT = 3, 4
"""As `js/src/entrypoints/worker-process.ts` has them."""


def main() -> None:
    parent, node, script = sys.argv[1:]
    die_with_parent(int(parent))
    os.dup2(0, FRAMES_IN)
    os.dup2(1, FRAMES_OUT)
    # Whatever a task prints is not to be taken for frames, and what it starts has no part in this conversation.
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # Ray's processes block some.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execv(node, [node, script])


if __name__ == "__main__":
    main()
