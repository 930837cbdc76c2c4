"""What `pipe-info` answers: the official SDK's first call wants all of these fields (seen with 1.9.1)."""

from __future__ import annotations

import base64
from typing import Any

from ...names import ObjectName
from .stage import BUCKET, Grant


def pipe_description(pipe: ObjectName, grant: Grant, endpoint: str) -> dict[str, Any]:
    """Describe a pipe.

    Args:
        pipe: the pipe.
        grant: where its files may be uploaded to, and the key that they are encrypted with.
        endpoint: host and port of the storage, which are the account's own.
    """
    stage = _stage(grant, endpoint)
    pipe_key = base64.b64encode(grant.key).decode()
    return {
        "database": pipe.database,
        "schema": pipe.schema,
        "pipe": pipe.name,
        "owner": "LOCAL",
        "valid": True,
        "rowset_stage_location": stage,
        "durable_stage_location": stage,
        "encryption_info": {"pipe_key": pipe_key, "pipe_key_id": 1, "diversifier": "local"},
        "parameter_overrides": {},
    }


def _stage(grant: Grant, endpoint: str) -> dict[str, Any]:
    return {
        "expiry_time_ms": grant.expires_at_ms,
        "location_type": "S3",
        "location": grant.folder,
        "use_s3_regional_url": False,
        "region": "local",
        "storage_account": "",
        "storage_endpoint": endpoint,
        "bucket_name": BUCKET,
        "path_prefix": grant.folder.removeprefix(f"{BUCKET}/"),
        "creds": {"AWS_KEY_ID": "LOCAL", "AWS_SECRET_KEY": "LOCAL", "AWS_TOKEN": grant.credential},
        "parameters": {
            "max_client_lag_seconds": 1,
            "rowset_flush_threshold_kb": 4096,
            "max_buffered_kb_for_rowset_mode": 65_535,
            "rowset_threshold_lookback_seconds": 10,
            "rowset_threshold_ewma_weight": 50,
            "target_file_size_compressed_mb": 16,
            "cpu_throttle_high_watermark_percent": 95,
            "cpu_throttle_low_watermark_percent": 90,
            "mem_throttle_high_watermark_percent": 95,
            "mem_throttle_low_watermark_percent": 90,
        },
    }
