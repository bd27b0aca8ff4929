# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine has, what it lacks, and for what that would be needed."""

from harness.doctor.base import Finding, FindingStatus, Machine
from harness.doctor.docker import DockerProbe
from harness.doctor.examination import examine

__all__ = ["DockerProbe", "Finding", "FindingStatus", "Machine", "examine"]
