"""Settings of Snowflake's other clients that this one lacks: refused with a reason, or ignored.

A setting that would change where rows go, with which rights or under which checks, is never ignored
silently. The Python connector's parameters and the official streaming SDK's properties are all here, or in
`spellings.py`; docs/connecting.md has the table, and a test compares it with this module.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..auth.secret import Secret


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a setting is refused.

    Attributes:
        why: the end of a sentence, with what to do instead.
        same: values that request what is done anyway, in lower case.
        unless_signed: whether it is ignored if a key or a token is given.
    """

    why: str
    same: frozenset[str] = frozenset()
    unless_signed: bool = False


_PROXY = Refused("proxies are taken from the environment: set HTTPS_PROXY (and NO_PROXY) instead")
_NO_SESSION = Refused("there is no session to hand over: give a key or a token")
_PASSWORD = Refused(
    "Snowpipe Streaming takes no passwords: give a key pair, or an access token as token=", unless_signed=True
)
_ON = frozenset({"true", "on", "yes", "1"})
_OFF = frozenset({"false", "off", "no", "0"})

REFUSED: Mapping[str, Refused] = {
    "session_parameters": Refused(
        "rows are streamed without a session: set parameters for the user (ALTER USER ... SET) instead"
    ),
    "timezone": Refused("rows are streamed without a session: set TIMEZONE for the user instead"),
    "autocommit": Refused("each statement and each commit of rows is a transaction of its own", same=_ON),
    "secondary_roles": Refused(
        "it can't be chosen here; the user's DEFAULT_SECONDARY_ROLES count: ALTER USER ... SET them"
    ),
    **dict.fromkeys(("proxy_host", "proxy_port", "proxy_user", "proxy_password", "no_proxy"), _PROXY),
    "ssl": Refused("TLS is never turned off", same=_ON),
    "ocsp_fail_open": Refused("revocation is not checked here, so it can't be enforced", same=_ON),
    "cert_revocation_check_mode": Refused(
        "revocation is not checked here, so it can't be enforced", same=frozenset({"disabled"})
    ),
    "allow_certificates_without_crl_url": Refused(
        "revocation is not checked here, so it can't be enforced", same=_ON
    ),
    "dsn": Refused("give account, or url"),
    **dict.fromkeys(("password", "passcode"), _PASSWORD),
    "passcode_in_password": Refused(_PASSWORD.why, same=_OFF, unless_signed=True),
    **dict.fromkeys(("session_token", "master_token", "session_id", "external_session_id"), _NO_SESSION),
    "auth_class": Refused("authenticators of your own are not supported: give token= a function"),
}
"""Each changes address, rights or checks in another client."""

_WAITS = "waits and retries are arguments: timeouts=, retry="
_RESULTS = "how the connector reads results; there is no cursor here"
_FILES = "files of stages, which are not used here"
_BROWSER = "for sign-in by a browser or MFA, which the authenticator would have to name, and that is refused"
_LOOKS = "where and how the connector checks for revoked certificates; certificates are always verified here"
_TELEMETRY = "the other client's own logs and telemetry"
_SESSION = "keeps a session, and there is none here"
_TUNING = "the other client's own memory, threads and sizes"

UNUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("login_timeout", "network_timeout", "socket_timeout", "backoff_policy", "inject_client_pause"),
            *("external_browser_timeout", "platform_detection_timeout_seconds"),
            *("mgmt_http_timeout_seconds", "data_http_timeout_seconds"),
            *("mgmt_retry_total_backoff_seconds", "data_retry_total_backoff_seconds"),
            *("mgmt_retry_max_backoff_seconds", "data_retry_max_backoff_seconds"),
            *("mgmt_retry_backoff_multiplier", "data_retry_backoff_multiplier"),
        ),
        _WAITS,
    ),
    **dict.fromkeys(
        (
            *("client_prefetch_threads", "client_fetch_threads", "client_fetch_use_mp", "numpy"),
            *("converter_class", "paramstyle", "support_negative_year", "arrow_number_to_decimal"),
            *("reuse_results", "interpolate_empty_sequences", "json_result_force_utf8_decoding"),
            *("check_arrow_conversion_error_on_every_column", "disable_query_context_cache"),
            *("debug_arrow_chunk", "enable_retry_reason_in_query_response"),
        ),
        _RESULTS,
    ),
    **dict.fromkeys(
        (
            *("enable_stage_s3_privatelink_for_us_east_1", "iobound_tpe_limit", "unsafe_file_write"),
            *("reraise_error_in_file_transfer_work_function", "file_upload_max_retry_count"),
            *("snowflake_server_dop_cap_for_file_transfer", "target_buffer_file_size_mb"),
            *("ignore_switch_to_file_mode",),
        ),
        _FILES,
    ),
    **dict.fromkeys(
        (
            *("oauth_authorization_url", "oauth_redirect_uri", "oauth_disable_pkce", "oauth_socket_uri"),
            *("oauth_enable_refresh_tokens", "oauth_enable_single_use_refresh_tokens"),
            *("mfa_callback", "password_callback", "consent_cache_id_token", "disable_console_login"),
            *("client_store_temporary_credential", "client_request_mfa_token", "disable_saml_url_check"),
            *("workload_identity_provider", "workload_identity_entra_resource"),
            *("workload_identity_impersonation_path",),
        ),
        _BROWSER,
    ),
    **dict.fromkeys(
        (
            *("insecure_mode", "disable_ocsp_checks", "ocsp_response_cache_filename", "use_openssl_only"),
            *("ocsp_root_certs_dict_lock_timeout", "crl_connection_timeout_ms", "crl_read_timeout_ms"),
            *("crl_cache_validity_hours", "enable_crl_cache", "enable_crl_file_cache", "crl_cache_dir"),
            *("crl_cache_removal_delay_days", "crl_cache_cleanup_interval_hours", "crl_cache_start_cleanup"),
        ),
        _LOOKS,
    ),
    **dict.fromkeys(
        (
            *("internal_application_name", "internal_application_version", "log_max_query_length"),
            *("enable_connection_diag", "connection_diag_log_path", "connection_diag_whitelist_path"),
            *("connection_diag_allowlist_path", "log_imported_packages_in_telemetry"),
            *("enable_telemetry_reporting", "unsafe_skip_file_permissions_check"),
        ),
        _TELEMETRY,
    ),
    **dict.fromkeys(
        (
            *("client_session_keep_alive", "client_session_keep_alive_heartbeat_frequency"),
            *("server_session_keep_alive", "master_validity_in_seconds", "validate_default_parameters"),
            *("probe_connection", "service_name", "disable_request_pooling"),
        ),
        _SESSION,
    ),
    **dict.fromkeys(
        (
            *("mem_throttle_by_process", "max_append_request_size_mb", "max_rowset_payload_size_mb"),
            *("enable_iceberg_streaming",),
        ),
        _TUNING,
    ),
    "connect_string": "the address of a JDBC driver, next to url and host",
}
"""Each changes nothing here, whatever its value."""

_NEAR = 0.8
"""How similar a name must be to a setting's to count as a typing error."""


def refused(name: str, value: object, *, signed: bool) -> str | None:
    """Return why a setting of another client can't be used, None where it requests what is done anyway.

    Args:
        name: one of `REFUSED`.
        value: as `hidden` returned it.
        signed: whether a key or a token is given.

    >>> refused("ssl", "on", signed=True), refused("ssl", "off", signed=True)
    (None, 'TLS is never turned off')
    """
    refusal = REFUSED[name]
    if (refusal.unless_signed and signed) or _plain(value) in refusal.same:
        return None
    return refusal.why


def _plain(value: object) -> str:
    return (value.as_text() if isinstance(value, Secret) else str(value)).strip().lower()


def slip(name: str, known: Collection[str]) -> str | None:
    """Return the setting that a name in a file was meant for, None where it belongs to another tool.

    >>> slip("rol", ["role", "user"]), slip("connect_string", ["role"])
    ('role', None)
    """
    if name in UNUSED:
        return None
    near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
    return near[0] if near else None
