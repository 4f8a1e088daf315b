"""Failures with the codes of `PROTOCOL.md`."""

from __future__ import annotations

from typing import TypedDict


class Failure(TypedDict, total=False):
    """As the client reads it."""

    code: str
    message: str
    hint: str


class Refused(Exception):
    """Something cannot be had, for a reason that its user is told."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure["message"])
        self.failure = failure


def worker_died(message: str) -> Failure:
    return {"code": "worker-died", "message": message}


def node_lost(message: str) -> Failure:
    return {"code": "node-lost", "message": _short(message)}


def overrun(message: str) -> Failure:
    return {"code": "worker-overrun", "message": message}


def environment(message: str, hint: str | None = None) -> Failure:
    failure: Failure = {"code": "environment-failed", "message": _short(message)}
    if hint:
        failure["hint"] = hint
    return failure


def runtime_unknown(message: str, hint: str) -> Failure:
    return {"code": "runtime-unknown", "message": message, "hint": hint}


def engine_down(message: str, hint: str) -> Failure:
    return {"code": "engine-down", "message": _short(message), "hint": hint}


def engine_mismatch(message: str, hint: str) -> Failure:
    return {"code": "engine-mismatch", "message": _short(message), "hint": hint}


def _short(message: str) -> str:
    """Ray tells long stories: their beginning and end are what one reads."""
    return message if len(message) < 2000 else f"{message[:1000]}\n…\n{message[-1000:]}"
