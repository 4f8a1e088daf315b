"""The manifests of `examples/cluster`, against Kubernetes' own schemas and the fields that KubeRay documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "examples" / "cluster"
RAY = "2.60.0"
# Of KubeRay's reference: what a RayCluster's parts may have.
FIELDS = {
    "spec": {
        "authOptions",
        "autoscalerOptions",
        "enableInTreeAutoscaling",
        "gcsFaultToleranceOptions",
        "headGroupSpec",
        "headServiceAnnotations",
        "managedBy",
        "networkPolicy",
        "rayVersion",
        "suspend",
        "upgradeStrategy",
        "workerGroupSpecs",
    },
    "authOptions": {"mode", "secretName", "enableK8sTokenAuth"},
    "autoscalerOptions": {
        "env",
        "envFrom",
        "idleTimeoutSeconds",
        "image",
        "imagePullPolicy",
        "resources",
        "securityContext",
        "upscalingMode",
        "version",
        "volumeMounts",
    },
    "headGroupSpec": {"enableIngress", "headService", "labels", "rayStartParams", "resources", "serviceType", "template"},
    "workerGroupSpecs": {
        "groupName",
        "idleTimeoutSeconds",
        "labels",
        "maxReplicas",
        "minReplicas",
        "numOfHosts",
        "rayStartParams",
        "replicas",
        "resources",
        "scaleStrategy",
        "suspend",
        "template",
    },
}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def ray_cluster() -> dict[str, Any]:
    (cluster,) = documents("raycluster.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec: dict[str, Any] = cluster["spec"]
    return spec


def groups() -> list[dict[str, Any]]:
    spec = ray_cluster()
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def validate(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_the_network_policy_is_one() -> None:
    for document in documents("network.yaml"):
        validate(document)


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.get("groupName", "head"))
def test_pods_are_valid(group: dict[str, Any]) -> None:
    validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **group["template"]})
    mounted = {
        mount["name"] for container in group["template"]["spec"]["containers"] for mount in container.get("volumeMounts", [])
    }
    assert mounted == {volume["name"] for volume in group["template"]["spec"].get("volumes", [])}


def test_a_manifest_that_is_wrong_would_be_found() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": {"containers": [{"nam": "a"}]}}
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(pod)


def test_the_clusters_fields_are_kuberays() -> None:
    spec = ray_cluster()
    assert set(spec) <= FIELDS["spec"]
    for part in ("authOptions", "autoscalerOptions", "headGroupSpec"):
        assert set(spec[part]) <= FIELDS[part], part
    for group in spec["workerGroupSpecs"]:
        assert set(group) <= FIELDS["workerGroupSpecs"]
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_every_node_has_the_ray_that_the_server_needs() -> None:
    assert ray_cluster()["rayVersion"] == RAY
    assert ray_cluster()["authOptions"] == {"mode": "token"}
    images = {container["image"] for group in groups() for container in group["template"]["spec"]["containers"]}
    assert all(image.endswith(f":{RAY}") for image in images)
    assert f"rayproject/ray:{RAY}-" in (FOLDER / "Dockerfile").read_text()
    assert f'"ray=={RAY}"' in (FOLDER.parents[1] / "python/millhand_ray/pyproject.toml").read_text()
