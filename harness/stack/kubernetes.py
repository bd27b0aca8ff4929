# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack as Kubernetes takes it, from what Compose makes of its files.

nginx is an Ingress there: it finds replicas by the DNS of Docker.  Volumes are claims,
secrets are named and never in it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.stack import swarm
from harness.stack.pods import PodImage, plain, pod, said

DOOR: Final = "nginx"
SIZE: Final = "10Gi"
"""What a claim asks for: who has the cluster knows better."""
UPLOAD: Final = "nginx.ingress.kubernetes.io/proxy-body-size"
WRITTEN: Final = frozenset(
    {
        "image", "command", "entrypoint", "environment", "healthcheck", "secrets",
        "volumes", "tmpfs", "shm_size", "mem_limit", "scale", "stop_grace_period",
        "stop_signal", "cap_add", "cap_drop", "user", "working_dir", "read_only",
        "networks", "security_opt", "labels", "ports", "restart", "logging",
        "depends_on", "pids_limit", "deploy",
    }
)  # fmt: skip
"""What of a service has its like there; of what has none, each is said."""

OTHERWISE: Final = (
    "nginx is the cluster's Ingress controller: so are HSTS and the way to HTTPS;"
    " erpserver is reached by kubectl port-forward service/erpserver 8000",
    "nobody waits for anybody at the start, and a pod has no limit of processes",
    f"each volume is a claim of {SIZE}; one that several services have is of many"
    " nodes (ReadWriteMany), which its storage class must offer",
    "networks are NetworkPolicies, which the cluster's network must hold",
)
"""What is another thing there, whatever the stack."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The pages: each service's port and host names, and whether by TLS."""

    hosts: Mapping[str, tuple[int, list[str]]]
    secure: bool


def wanted(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The services that are there."""
    return {
        name: one
        for name, one in config["services"].items()
        if name != DOOR and not one.get("profiles")
    }


def manifests(
    config: Mapping[str, Any],
    absent: Collection[str],
    images: Mapping[str, PodImage],
    site: Site,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The objects, and what of the stack is left out, in words.

    `absent` are secrets that are empty; `images` are those of the services.
    """
    services = wanted(config)
    users = Counter(
        one["source"]
        for name, service in services.items()
        for one in swarm.kept(name, service)
    )
    made = [_claim(name, shared=count > 1) for name, count in users.items()]
    left = list(OTHERWISE)
    for name, service in services.items():
        alone = [users[one["source"]] == 1 for one in swarm.kept(name, service)]
        made += _service(name, service, absent, images[name], state=any(alone))
        if name not in site.hosts:
            made.append(_policy(name, service))
        left += _left(name, service)
    return [*made, _ingress(site)], left


def _object(kind: str, name: str, api: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": plain(name)}, **more}


def secrets(objects: Collection[Mapping[str, Any]]) -> list[str]:
    """The names of all that pods mount."""
    found: dict[str, None] = {}
    for one in objects:
        pod = one.get("spec", {}).get("template", {}).get("spec", {})
        for volume in pod.get("volumes", ()):
            for source in volume.get("projected", {}).get("sources", ()):
                found[source["secret"]["items"][0]["key"]] = None
    return sorted(found)


def _claim(name: str, *, shared: bool) -> dict[str, Any]:
    return _object("PersistentVolumeClaim", name, spec={
        "accessModes": ["ReadWriteMany" if shared else "ReadWriteOnce"],
        "resources": {"requests": {"storage": SIZE}},
    })  # fmt: skip


def _service(
    name: str,
    service: Mapping[str, Any],
    absent: Collection[str],
    image: PodImage,
    *,
    state: bool,
) -> Iterator[dict[str, Any]]:
    """Variables, pods, and the name by which others find them."""
    nowhere = {f"/run/secrets/{one}" for one in absent}
    variables = {
        key: said(value) for key, value in (service.get("environment") or {}).items()
        if value is not None and value not in nowhere
    }  # fmt: skip
    yield _object("ConfigMap", name, data=variables)
    mark = {"app": plain(name)}
    labels = mark | {f"network-{plain(one)}": "in" for one in _networks(service)}
    spec: dict[str, Any] = {
        "replicas": service.get("scale", 1),
        "selector": {"matchLabels": mark},
        "template": {
            "metadata": {"labels": labels},
            "spec": pod(name, service, absent, image),
        },
    }
    if state:  # two at once would have one directory of data
        spec["serviceName"] = plain(name)
    else:
        update = {"maxSurge": 1, "maxUnavailable": 0}
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": update}
    yield _object("StatefulSet" if state else "Deployment", name, "apps/v1", spec=spec)
    ports = {*image.ports, *(one["target"] for one in service.get("ports") or ())}
    if ports:
        open_ = any(one.get("host_ip") not in swarm.LOOPBACK
                    for one in service.get("ports") or ())  # fmt: skip
        yield _object("Service", name, spec={
            "type": "LoadBalancer" if open_ else "ClusterIP",
            "selector": mark,
            "ports": [{"name": f"port-{one}", "port": one} for one in sorted(ports)],
        })  # fmt: skip


def _networks(service: Mapping[str, Any]) -> list[str]:
    return list(service.get("networks") or ())


def _policy(name: str, service: Mapping[str, Any]) -> dict[str, Any]:
    """Who has no pages is reached from its own networks only."""
    peers = [
        {"podSelector": {"matchLabels": {f"network-{plain(one)}": "in"}}}
        for one in _networks(service)
    ]
    return _object("NetworkPolicy", name, "networking.k8s.io/v1", spec={
        "podSelector": {"matchLabels": {"app": plain(name)}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers}] if peers else [],
    })  # fmt: skip


def _ingress(site: Site) -> dict[str, Any]:
    rules = [
        {"host": host, "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": plain(name), "port": {"number": port}}},
        }]}}
        for name, (port, names) in site.hosts.items() for host in names
    ]  # fmt: skip
    hosts = [one["host"] for one in rules]
    made = _object("Ingress", "pages", "networking.k8s.io/v1", spec={
        "rules": rules, **({"tls": [{"hosts": hosts, "secretName": "tls"}]}
                           if site.secure else {}),
    })  # fmt: skip
    made["metadata"]["annotations"] = {UPLOAD: "512m"}
    return made


def _left(name: str, service: Mapping[str, Any]) -> Iterator[str]:
    for one in service.get("ports") or ():
        if one.get("host_ip") in swarm.LOOPBACK:
            yield (
                f"{name} is not published at {one['published']}: kubectl port-forward"
                f" service/{plain(name)} {one['published']}:{one['target']}"
            )
    for key in service:
        if key not in WRITTEN and service[key] is not None:
            yield f"{name} has no {key} in a pod"
