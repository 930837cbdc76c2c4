"""What `pipe-info` answers: the official SDK's first call wants all of these fields (seen with 1.9.1)."""

from __future__ import annotations

from typing import Any

from ...names import ObjectName

_STAGE_LIFE_MS = 3_600_000


def pipe_description(pipe: ObjectName, now: float) -> dict[str, Any]:
    """Describe a pipe; the stages name no storage, since the local account takes rows over HTTP only.

    `now` is the account's time.
    """
    return {
        "database": pipe.database,
        "schema": pipe.schema,
        "pipe": pipe.name,
        "owner": "LOCAL",
        "valid": True,
        "rowset_stage_location": _stage(now),
        "durable_stage_location": _stage(now),
        "encryption_info": {"pipe_key": "AAAAAAAAAAAAAAAAAAAAAA==", "pipe_key_id": 1, "diversifier": "local"},
        "parameter_overrides": {},
        "parameters": {
            "max_client_lag_seconds": 1,
            "rowset_flush_threshold_kb": 4096,
            "max_buffered_kb_for_rowset_mode": 65_535,
            "rowset_threshold_lookback_seconds": 10,
            "rowset_threshold_ewma_weight": 0.5,
            "target_file_size_compressed_mb": 16,
            "cpu_throttle_high_watermark_percent": 95,
            "cpu_throttle_low_watermark_percent": 90,
            "mem_throttle_high_watermark_percent": 95,
            "mem_throttle_low_watermark_percent": 90,
        },
    }


def _stage(now: float) -> dict[str, Any]:
    return {
        "expiry_time_ms": int(1000 * now) + _STAGE_LIFE_MS,
        "location_type": "S3",
        "location": "local",
        "use_s3_regional_url": False,
        "region": "local",
        "storage_account": "",
        "storage_endpoint": "",
        "bucket_name": "local",
        "path_prefix": "",
        "creds": {"AWS_KEY_ID": "", "AWS_SECRET_KEY": "", "AWS_TOKEN": ""},
        "parameters": {},
    }
