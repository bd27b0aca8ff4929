# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes is given of what Compose says; test_engines asks its schemas."""

from copy import deepcopy
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.stack import kubernetes
from harness.stack.kubernetes import Site
from harness.stack.pods import PodImage
from tests.unit.stack import test_swarm

CONFIG: dict[str, Any] = deepcopy(test_swarm.CONFIG)
FILES = {"type": "volume", "source": "files", "target": "/f"}
CONFIG["services"] |= {
    "portal": {
        "image": "s/portal:production", "scale": 2, "stop_signal": "SIGINT",
        "command": ["serve", "$$HOME", "$(id)"], "devices": ["/dev/x"],
        "stop_grace_period": "1m30s", "cap_drop": ["ALL"], "read_only": True,
        "tmpfs": ["/tmp"], "volumes": [FILES], "working_dir": "/w",
        "networks": {"frontend": None, "backend": None},
    },
    "own_one": {
        "image": "s/own", "volumes": [FILES], "user": "7:8",
        "healthcheck": {"test": ["CMD-SHELL", "$$(command -v healthy) ask $$X"],
                        "interval": "500ms", "start_period": "10s"},
        "ports": [{"host_ip": "0.0.0.0", "target": 25, "published": "25"},
                  {"host_ip": "127.0.0.1", "target": 26, "published": "1026"}],
    },
}  # fmt: skip
PORTAL = {
    "User": "1000:1000",
    "ExposedPorts": {"6543/tcp": {}, "9/udp": {}},
    "Healthcheck": {"Test": ["CMD", "healthy", "ask", "me"], "Interval": 3 * 10**9,
                    "StartPeriod": 60 * 10**9, "Retries": 5},
}  # fmt: skip
IMAGES = {
    name: PodImage.of({"Config": PORTAL if name == "portal" else {}})
    for name in CONFIG["services"]
}
SITE = Site(hosts={"portal": (6543, ["a.test", "b.test"])}, secure=True)


def made() -> tuple[list[dict[str, Any]], list[str]]:
    return kubernetes.manifests(CONFIG, ["smtp"], IMAGES, SITE)


@pytest.fixture(scope="module")
def given() -> tuple[dict[tuple[str, str], Any], list[str]]:
    objects, left = made()
    assert kubernetes.secrets(objects) == ["word"]
    assert "the text of a secret" not in str(objects)
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(found) == len(objects)
    return found, left


def pod(found: dict[tuple[str, str], Any], kind: str, name: str) -> Any:
    return found[kind, name]["spec"]["template"]["spec"]


def test_a_service_with_data_of_its_own(
    given: tuple[dict[tuple[str, str], Any], list[str]],
) -> None:
    found, _ = given
    db = pod(found, "StatefulSet", "db")
    [one] = db["containers"]
    assert found["ConfigMap", "db"]["data"] == {"A": "1"}  # an empty secret is none
    assert db["securityContext"]["runAsUser"] == 999
    assert [mount["mountPath"] for mount in one["volumeMounts"]] == [
        "/d", "/dev/shm", "/run/secrets",
    ]  # fmt: skip
    assert one["resources"] == {"limits": {"memory": "2147483648"}}
    [peer] = found["NetworkPolicy", "db"]["spec"]["ingress"]
    label = {"network-backend": "in"}
    assert peer == {"from": [{"podSelector": {"matchLabels": label}}]}
    labels = found["Deployment", "portal"]["spec"]["template"]["metadata"]["labels"]
    assert label.items() <= labels.items()
    modes = {
        name: found["PersistentVolumeClaim", name]["spec"]["accessModes"]
        for name in ("db", "files")
    }
    assert modes == {"db": ["ReadWriteOnce"], "files": ["ReadWriteMany"]}
    assert ("ConfigMap", "selenium") not in found
    assert ("Deployment", "nginx") not in found


def test_a_service_with_pages(
    given: tuple[dict[tuple[str, str], Any], list[str]],
) -> None:
    found, _ = given
    portal = pod(found, "Deployment", "portal")
    assert portal["terminationGracePeriodSeconds"] == 90
    assert portal["securityContext"]["fsGroup"] == 1000
    [one] = portal["containers"]
    assert one["args"] == ["serve", "$HOME", "$$(id)"]  # nobody fills in anything
    assert one["readinessProbe"]["exec"]["command"] == ["ask", "me"]
    assert one["startupProbe"]["failureThreshold"] == 25
    assert one["lifecycle"]["preStop"]["exec"]["command"][-1] == "kill -s INT 1"
    assert found["Service", "portal"]["spec"]["ports"][0]["port"] == 6543
    pages = found["Ingress", "pages"]["spec"]
    assert [rule["host"] for rule in pages["rules"]] == ["a.test", "b.test"]
    assert pages["tls"] == [{"hosts": ["a.test", "b.test"], "secretName": "tls"}]
    assert ("NetworkPolicy", "portal") not in found  # the controller is elsewhere


def test_a_service_of_ones_own_and_what_is_left_out(
    given: tuple[dict[tuple[str, str], Any], list[str]],
) -> None:
    found, left = given
    [one] = pod(found, "Deployment", "own-one")["containers"]
    assert one["startupProbe"]["exec"]["command"] == ["sh", "-c", "ask $X"]
    assert one["startupProbe"]["periodSeconds"] == 1
    context = pod(found, "Deployment", "own-one")["securityContext"]
    assert (context["runAsUser"], context["fsGroup"]) == (7, 8)
    assert found["Service", "own-one"]["spec"]["type"] == "LoadBalancer"
    assert left[len(kubernetes.OTHERWISE) :] == [
        "portal has no devices in a pod",
        "own_one is not published at 1026:"
        " kubectl port-forward service/own-one 1026:26",
    ]
    bound = {"type": "bind", "source": "/home/me/x", "target": "/x"}
    config = {"services": {"api": {"image": "i", "volumes": [bound]}}}
    with pytest.raises(ConfigError, match="api mounts /home/me/x of this machine"):
        kubernetes.manifests(config, [], {}, SITE)
