# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swarm is given of what Compose says."""

from typing import Any

import pytest

from harness.errors import ConfigError
from harness.stack import swarm

CONFIG: dict[str, Any] = {
    "name": "x",
    "services": {
        "db": {
            "image": "s/db:production", "command": None, "restart": "always",
            "shm_size": "268435456", "mem_limit": "2147483648", "pids_limit": 1000,
            "security_opt": ["no-new-privileges:true"],
            "labels": {"harness.state": "1"},
            "environment": {"A": "1", "SMTP_FILE": "/run/secrets/smtp"},
            "networks": {"backend": None},
            "secrets": [
                {"source": "word", "target": "/run/secrets/word"},
                {"source": "smtp", "target": "/run/secrets/smtp"},
            ],
            "volumes": [
                {"type": "volume", "source": "db", "target": "/d", "volume": {}}
            ],
        },
        "nginx": {
            "image": "s/nginx:production", "scale": 2, "devices": ["/dev/x"],
            "ports": [
                {"host_ip": "127.0.0.1", "target": 8000, "published": "8000"},
                {"host_ip": "0.0.0.0", "target": 443, "published": "443"},
            ],
        },
        "selenium": {"image": "s/selenium", "profiles": ["browser"]},
    },
    "networks": {"backend": {"name": "x_backend"}},
    "secrets": {
        "word": {"name": "x_word", "environment": "WORD"},
        "smtp": {"name": "x_smtp", "environment": "SMTP"},
    },
    "volumes": {"db": {"name": "x_db"}},
    "x-required": ["the text of a secret"],
}  # fmt: skip


def test_what_a_swarm_is_given() -> None:
    found, left = swarm.stack(CONFIG, absent=["smtp"])
    db, nginx = found["services"]["db"], found["services"]["nginx"]
    assert list(found["services"]) == ["db", "nginx"]
    assert db["deploy"] == {
        "replicas": 1,
        "restart_policy": {"condition": "any"},
        "resources": {"limits": {"memory": "2147483648", "pids": 1000}},
        "update_config": {"order": "stop-first", "failure_action": "rollback"},
        "placement": {"constraints": ["node.labels.harness.data == true"]},
    }
    assert db["volumes"] == [
        {"type": "volume", "source": "db", "target": "/d"},
        {"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 268435456}},
    ]
    assert db["secrets"] == [{"source": "word", "target": "word"}]
    assert db["environment"] == {"A": "1"}  # an empty secret is none there
    assert nginx["deploy"]["replicas"] == 2
    assert nginx["ports"] == [{"target": 443, "published": 443}]
    assert found["secrets"] == {"word": {"external": True, "name": "x_word"}}
    assert found["volumes"] == {"db": {"external": True, "name": "x_db"}}
    assert "the text of a secret" not in str(found)
    assert "harness.state" not in str(found)  # `harness clean` would take its tasks
    assert [line.split(":")[0] for line in left] == [
        "nginx is not published at 8000", "nginx has no devices in a swarm",
    ]  # fmt: skip


def test_what_is_mounted_of_this_machine_is_refused() -> None:
    bound = {"type": "bind", "source": "/home/me/x", "target": "/x"}
    config = {"services": {"api": {"image": "i", "volumes": [bound]}}}
    with pytest.raises(ConfigError, match="api mounts /home/me/x of this machine"):
        swarm.stack(config, absent=[])
