"""What a worker needs, as options of a Ray actor."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from . import failures
from .engine import PackageSource
from .failures import Refused


def options_of(order: dict[str, Any], source: PackageSource) -> dict[str, Any]:
    """The options of the actor for an order to open a worker. Raises `Refused`."""
    options: dict[str, Any] = {"max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
    options.update(_resources(order.get("resources") or {}))
    missing = _missing(_packages(order.get("environment") or {}), source)
    if missing and not source.has_network:
        flags = " ".join(f"--engine-package '{package}'" for package in missing)
        raise Refused(
            failures.environment(
                f"`{'`, `'.join(missing)}` cannot be installed: the Ray that the server started has no network",
                f"start the server with `{flags}`, or with `--engine-network host`",
            )
        )
    if missing:
        options["runtime_env"] = {"pip": missing}
    return options


def _resources(resources: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"num_cpus": 1}
    for key, option in (("cpus", "num_cpus"), ("gpus", "num_gpus"), ("memoryBytes", "memory")):
        value = resources.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
            raise Refused(failures.environment(f"`resources.{key}` is {value!r}, and has to be a number that is not negative"))
        options[option] = value
    return options


def _packages(environment: dict[str, Any]) -> list[str]:
    packages = environment.get("python") or []
    if not isinstance(packages, list) or not all(isinstance(package, str) for package in packages):
        raise Refused(failures.environment("`environment.python` has to be a list of requirements"))
    for package in packages:
        try:
            Requirement(package)
        except InvalidRequirement as error:
            raise Refused(
                failures.environment(f"`{package}` is no requirement of `pip`: {error}", "write it as in `numpy==2.2.5`")
            ) from None
    return packages


def _missing(packages: list[str], source: PackageSource) -> list[str]:
    if not source.has_our_packages:
        return packages
    return [package for package in packages if not _is_met(Requirement(package))]


def _is_met(requirement: Requirement) -> bool:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True) and not requirement.url
