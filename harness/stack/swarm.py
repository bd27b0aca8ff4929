# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack as a swarm takes it, from what Compose makes of its files."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from harness.errors import ConfigError

VERSION: Final = "3.9"
"""Of the older format, which swarms take; resources.limits.pids is in it."""
DATA: Final = "harness.data"
"""Label of the node that has the volumes."""
KEPT: Final = (
    "image", "command", "entrypoint", "environment", "healthcheck", "logging",
    "stop_grace_period", "stop_signal", "cap_add", "cap_drop", "user", "working_dir",
    "read_only", "tmpfs", "init", "hostname", "extra_hosts", "ulimits", "sysctls",
)  # fmt: skip
"""What of a service a swarm takes as it is."""
TURNED: Final = frozenset(
    {
        "networks", "secrets", "volumes", "ports", "restart", "mem_limit", "pids_limit",
        "shm_size", "scale", "deploy", "labels", "depends_on", "security_opt",
    }
)  # fmt: skip
"""What has another form there, or none: a swarm starts all at once, again and again."""
LOOPBACK: Final = ("127.0.0.1", "::1")


def stack(
    config: Mapping[str, Any], absent: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """What a swarm is given, and what of it is left out, in words.

    `absent` are secrets that are empty: a swarm has none such.  Volumes are those that
    ``harness up`` has made; networks can be joined by a proxy.
    """
    services: dict[str, Any] = {}
    left: list[str] = []
    for name, service in config["services"].items():
        if service.get("profiles"):
            continue
        services[name] = _service(name, service, absent)
        left += _left(name, service)
    used = {one["source"] for made in services.values() for one in made["secrets"]}
    found = {
        "version": VERSION,
        "services": services,
        "networks": {
            name: {"driver": "overlay", "attachable": True}
            for name in config.get("networks", {})
        },
        "secrets": {
            name: {"external": True, "name": one["name"]}
            for name, one in config.get("secrets", {}).items()
            if name in used
        },
        "volumes": {
            name: {"external": True, "name": one["name"]}
            for name, one in config.get("volumes", {}).items()
        },
    }
    return found, left


def _service(
    name: str, service: Mapping[str, Any], absent: Collection[str]
) -> dict[str, Any]:
    made = {key: service[key] for key in KEPT if service.get(key) is not None}
    nowhere = {f"/run/secrets/{one}" for one in absent}
    variables = service.get("environment") or {}
    made["environment"] = {
        key: value for key, value in variables.items() if value not in nowhere
    }
    made["networks"] = list(service.get("networks") or ())
    made["secrets"] = [
        {"source": one["source"], "target": one["target"].rpartition("/")[2]}
        for one in service.get("secrets") or ()
        if one["source"] not in absent
    ]
    made["volumes"] = list(_volumes(name, service))
    made["ports"] = [
        {"target": one["target"], "published": int(one["published"])}
        for one in service.get("ports") or ()
        if one.get("host_ip") not in LOOPBACK
    ]
    data = any(one["type"] == "volume" for one in made["volumes"])
    made["deploy"] = _deploy(service, data=data)
    return made


def kept(name: str, service: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The volumes of a service; raises `ConfigError` for what is of this machine."""
    for one in service.get("volumes") or ():
        if one["type"] != "volume":
            raise ConfigError(
                f"{name} mounts {one['source']} of this machine, which a node has not",
                checked="the stack's Compose files, compose/local.yaml and tables",
                remedy="put it into the image or a volume; development's sources are"
                " mounted always: --environment production",
            )
        yield one


def _volumes(name: str, service: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in kept(name, service):
        yield {key: one[key] for key in ("type", "source", "target")}
    if size := service.get("shm_size"):
        yield {
            "type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": int(size)}
        }  # fmt: skip


def _deploy(service: Mapping[str, Any], *, data: bool) -> dict[str, Any]:
    """One that has data or the ports ends before the next begins, others after."""
    limits = {"memory": service.get("mem_limit"), "pids": service.get("pids_limit")}
    alone = service.get("shm_size") or service.get("ports")
    return {
        "replicas": service.get("scale", 1),
        "restart_policy": {"condition": "any"},
        "resources": {"limits": {key: one for key, one in limits.items() if one}},
        "update_config": {
            "order": "stop-first" if alone else "start-first",
            "failure_action": "rollback",
        },
        **({"placement": {"constraints": [f"node.labels.{DATA} == true"]}}
           if data else {}),
    }  # fmt: skip


def _left(name: str, service: Mapping[str, Any]) -> Iterator[str]:
    for one in service.get("ports") or ():
        if one.get("host_ip") in LOOPBACK:
            yield (
                f"{name} is not published at {one['published']}: a swarm's ports are"
                f" everybody's; on its networks it is {name}:{one['target']}"
            )
    for key in service:
        if key not in KEPT and key not in TURNED and service[key] is not None:
            yield f"{name} has no {key} in a swarm"
