# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes uploaded files from upload to archive, or rejects them with a reason."""
