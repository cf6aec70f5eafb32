"""The chart, rendered by Helm's own library, without a cluster."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.deploy.programs import DEPLOY, EXTRA

CHART = DEPLOY / "kubernetes"
RELEASE, NAMESPACE = "support", "bots"
VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))

Manifest = dict[str, Any]


@cache
def render(path: Path) -> tuple[tuple[Manifest, ...], str]:
    """Return the manifests and the notes of a release with this file of values."""
    return render_values(msgspec.yaml.decode(path.read_bytes()))


def render_values(values: Manifest) -> tuple[tuple[Manifest, ...], str]:
    """Return the manifests and the notes of a release with these values. Raises what Helm raises."""
    helm = pytest.importorskip("helm_python", reason=EXTRA)
    with helm.Chart.load(str(CHART)) as chart:
        texts: dict[str, str] = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    notes = next(text for name, text in texts.items() if name.endswith("NOTES.txt"))
    documents = [
        msgspec.yaml.decode(document)
        for name, text in texts.items()
        if name.endswith(".yaml")
        for document in f"\n{text}".split("\n---\n")
        if document.strip()
    ]
    return tuple(document for document in documents if document), notes


def named(manifests: tuple[Manifest, ...], kind: str, component: str) -> Manifest:
    """Return the manifest of a kind that belongs to a component."""
    (found,) = (
        each
        for each in manifests
        if each["kind"] == kind and each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    return found


def pod(manifests: tuple[Manifest, ...], component: str) -> Manifest:
    """Return the specification of the pods of ingress or workers."""
    spec: Manifest = named(manifests, "Deployment", component)["spec"]["template"]["spec"]
    return spec


def environment(manifests: tuple[Manifest, ...], component: str) -> dict[str, str]:
    """Return the environment of the process in these pods."""
    (container,) = pod(manifests, component)["containers"]
    maps = {each["metadata"]["name"]: each["data"] for each in manifests if each["kind"] == "ConfigMap"}
    values: dict[str, str] = {}
    for source in container["envFrom"]:
        values |= maps[source["configMapRef"]["name"]]
    return values | {each["name"]: each["value"] for each in container["env"]}
