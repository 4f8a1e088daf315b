"""Nodes that Ray's own autoscaler starts and ends: its provider for tests makes them processes of this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .asynchronous import asynchronously
from .client import Session
from .conftest import Cluster, Server

IDLE_S = 3
MOST_NODES = 2
COMMANDS = (
    "cluster_synced_files",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


class ScalingCluster(Cluster):
    """Ray's head alone, until workers wait for a place: then nodes of one processor each come, and go when they are idle."""

    def __init__(self) -> None:
        super().__init__(RAY_FAKE_CLUSTER="1", AUTOSCALER_UPDATE_INTERVAL_S="1")

    def head_options(self) -> tuple[str, ...]:
        node = {"CPU": 1, "object_store_memory": 100 * 1024 * 1024}
        config = {
            "cluster_name": "test",
            "max_workers": MOST_NODES,
            "idle_timeout_minutes": IDLE_S / 60,
            "provider": {
                "type": "fake_multinode",
                "gcs_address": self.address,
                # They have one address, all of them.
                "use_node_id_as_ip": True,
                "disable_node_updaters": True,
                "disable_launch_config_check": True,
                "foreground_node_launch": True,
            },
            "available_node_types": {
                "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
                "worker": {"resources": node, "node_config": {}, "min_workers": 0, "max_workers": MOST_NODES},
            },
            "head_node_type": "ray.head.default",
            # The autoscaler reads all of these, and needs none for nodes of this kind.
            **{key: {} for key in ("auth", "docker", "file_mounts")},
            **{key: [] for key in COMMANDS},
        }
        file = self.folder / "autoscaling.json"
        file.write_text(json.dumps(config))
        return (f"--autoscaling-config={file}",)


@pytest.fixture
def server_of_none(tmp_path: Path) -> Iterator[Server]:
    """A server whose cluster has no node that could have a worker."""
    cluster = ScalingCluster()
    try:
        server = Server(tmp_path, f"ray://{cluster.address}", cluster.environment)
        try:
            yield server
        finally:
            server.end()
    finally:
        cluster.end()


@asynchronously
async def test_nodes_come_for_workers_that_wait_and_go_when_these_are_closed(server_of_none: Server) -> None:
    async with server_of_none.session() as session:
        assert (await session.engine_is("up", nodes=1))["cpus"] == 0
        await work_on_new_nodes(session)
        assert (await session.engine_is("up", nodes=1))["cpus"] == 0
        # And again: what went can come.
        await work_on_new_nodes(session)


async def work_on_new_nodes(session: Session) -> None:
    workers = await asyncio.gather(*(session.opened() for _ in range(MOST_NODES)))
    assert [worker.states for worker in workers] == [["waiting", "placed"]] * MOST_NODES
    assert (await session.engine_is("up", nodes=1 + MOST_NODES))["cpus"] == MOST_NODES
    assert len({worker.place["node"] for worker in workers if worker.place}) == MOST_NODES
    results = await asyncio.gather(*(workers[n % MOST_NODES].run("args['n'] ** 2", {"n": n}) for n in range(20)))
    assert results == [n**2 for n in range(20)]
    for worker in workers:
        worker.close()
    assert [(await worker.lost)["code"] for worker in workers] == ["closed"] * MOST_NODES
