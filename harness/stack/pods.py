# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a service is a pod of Kubernetes."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.stack import swarm

SECONDS: Final = {"h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, kw_only=True)
class PodImage:
    """What is known of an image: its user, ports and check of health."""

    user: str
    ports: tuple[int, ...]
    check: Mapping[str, Any]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "PodImage":
        """Of the engine's words; its durations are nanoseconds."""
        config = found["Config"]
        health = config.get("Healthcheck") or {}
        times = {"Interval": "interval", "StartPeriod": "start_period"}
        return cls(
            user=config.get("User") or "",
            ports=tuple(int(one.partition("/")[0]) for one in _ports(config)),
            check={
                "test": health.get("Test") or ["NONE"],
                "retries": health.get("Retries") or 3,
                **{to: f"{health.get(of, 0) // 10**9}s" for of, to in times.items()},
            },
        )


def _ports(config: Mapping[str, Any]) -> list[str]:
    return [one for one in config.get("ExposedPorts") or () if one.endswith("/tcp")]


def plain(name: str) -> str:
    """A name as Kubernetes has it."""
    return name.replace("_", "-").lower()


def pod(
    name: str, service: Mapping[str, Any], absent: Collection[str], image: PodImage
) -> dict[str, Any]:
    """What runs of a service in one place."""
    # db begins as root where nobody says otherwise, and drops to this one.
    user = service.get("user") or image.user or ("999" if name == "db" else "")
    number, _, group = user.partition(":")
    secrets = [one for one in service.get("secrets") or ()
               if one["source"] not in absent]  # fmt: skip
    volumes, mounts = [], []
    for one in swarm.kept(name, service):
        claim = {"claimName": plain(one["source"])}
        volumes.append({"name": plain(one["source"]), "persistentVolumeClaim": claim})
        # A directory of it: what a new file system has beside is no data.
        mounts.append({"name": plain(one["source"]), "mountPath": one["target"],
                       "subPath": "data"})  # fmt: skip
    spaces = dict.fromkeys(service.get("tmpfs") or ())
    if size := service.get("shm_size"):
        spaces["/dev/shm"] = str(size)
    for index, (path, limit) in enumerate(spaces.items()):
        empty = {"medium": "Memory", **({"sizeLimit": limit} if limit else {})}
        volumes.append({"name": f"memory-{index}", "emptyDir": empty})
        mounts.append({"name": f"memory-{index}", "mountPath": path.partition(":")[0]})
    if secrets:
        mode = 0o440 if number.isdigit() else 0o444  # the group is that of the pod
        source = {"sources": [*map(_projected, secrets)], "defaultMode": mode}
        volumes.append({"name": "secrets", "projected": source})
        mounts.append(
            {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True}
        )
    context: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if number.isdigit():
        context |= {"runAsUser": int(number), "runAsNonRoot": number != "0",
                    "fsGroup": int(group or number)}  # fmt: skip
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # variables such as PORTAL_PORT have a meaning
        "securityContext": context,
        "terminationGracePeriodSeconds": _seconds(
            service.get("stop_grace_period", "10s")
        ),
        "containers": [_container(name, service, image, mounts)],
        "volumes": volumes,
    }  # fmt: skip


def _projected(secret: Mapping[str, Any]) -> dict[str, Any]:
    path = secret["target"].rpartition("/")[2]
    item = {"key": secret["source"], "path": path}
    return {"secret": {"name": plain(secret["source"]), "items": [item]}}


def _container(
    name: str, service: Mapping[str, Any], image: PodImage, mounts: list[dict[str, Any]]
) -> dict[str, Any]:
    rights: dict[str, Any] = {"allowPrivilegeEscalation": False}
    capabilities = {
        key.removeprefix("cap_"): service[key]
        for key in ("cap_add", "cap_drop") if service.get(key)
    }  # fmt: skip
    if capabilities:
        rights["capabilities"] = capabilities
    if service.get("read_only"):
        rights["readOnlyRootFilesystem"] = True
    made: dict[str, Any] = {
        "name": plain(name),
        "image": service["image"],
        "envFrom": [{"configMapRef": {"name": plain(name)}}],
        "securityContext": rights,
        "volumeMounts": mounts,
        **_probes({**image.check, **(service.get("healthcheck") or {})}),
    }
    for to, of in (("command", "entrypoint"), ("args", "command")):
        if words := service.get(of):
            made[to] = [said(one) for one in words]
    if limit := service.get("mem_limit"):
        made["resources"] = {"limits": {"memory": str(limit)}}
    if service.get("working_dir"):
        made["workingDir"] = service["working_dir"]
    signal = service.get("stop_signal")
    if signal and signal != "SIGTERM":  # a pod is ended by that, whatever it hears
        kill = f"kill -s {signal.removeprefix('SIG')} 1"
        made["lifecycle"] = {"preStop": {"exec": {"command": ["sh", "-c", kill]}}}
    return made


def said(value: object) -> str:
    """A text in which Kubernetes, not Compose any more, would fill in variables."""
    return str(value).replace("$$", "$").replace("$(", "$$(")


def _probes(check: Mapping[str, Any]) -> dict[str, Any]:
    """Who is not well gets no requests; as with Compose, nobody is ended for that."""
    kind, *words = check["test"]
    if kind == "NONE" or check.get("disable"):
        return {}
    words = [one.replace("$$", "$") for one in words]
    if kind == "CMD-SHELL":
        words = ["sh", "-c", words[0].replace("$(command -v healthy) ", "")]
    elif words[0] == "healthy":  # spares engines that ask too often
        words = words[1:]
    every = max(_seconds(check.get("interval", "30s")), 1)
    asked = {"exec": {"command": words}, "periodSeconds": every, "timeoutSeconds": 5}
    tries = int(check.get("retries", 3))
    patience = _seconds(check.get("start_period", "0s")) // every + tries
    return {
        "startupProbe": {**asked, "failureThreshold": patience},
        "readinessProbe": {**asked, "failureThreshold": tries},
    }


def _seconds(text: str) -> int:
    """Of a duration of Compose's, such as ``1m30s``."""
    return sum(
        int(float(number) * SECONDS[unit])
        for number, unit in re.findall(r"([\d.]+)([hms])(?!s)", text)
    )
