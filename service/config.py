"""Settings: the only reader of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.access import Role


class Settings(BaseSettings):
    """Every setting, read once at the edge and passed in. Environment variables carry the prefix STEPWEDGE_ (DATABASE_URL needs none)."""

    model_config = SettingsConfigDict(env_prefix="STEPWEDGE_", frozen=True, extra="ignore")

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL", "STEPWEDGE_DATABASE_URL"),
        description="Postgres to use, postgresql://...; without it an embedded server is run below data_dir.",
    )
    data_dir: Path = Field(
        default=Path(".stepwedge"), description="Local folder of the embedded Postgres, the demo and the default object folder."
    )
    objects: str | None = Field(default=None, description="Object folder as an fsspec URL or a path; default data_dir/objects.")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535, description="Port of the gateway.")
    worker_port: int = Field(default=8001, ge=1, le=65535, description="Port of the worker's /metrics, /livez and /readyz.")
    site: str = Field(
        default="main", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="Site of requests that name none in the header Stepwedge-Site."
    )
    pseudonym_key: SecretStr | None = Field(default=None, description="Key of the pseudonyms, at least 32 characters.")
    pseudonym_key_file: Path | None = Field(default=None, description="File that holds the pseudonym key.")
    anonymous_may: str = Field(
        default="",
        pattern=r"^((predict|label|read)(,(predict|label|read))*)?$",
        description="What callers without a key may do: any of predict, label, read, separated by commas. Empty: nothing.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="Key with which commands of this machine call a gateway; default is data_dir/api.key, if there is one."
    )
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="OIDC issuer whose access tokens are accepted besides keys; needs oidc_audience.",
    )
    oidc_audience: str | None = Field(default=None, min_length=1, description="The audience that a token must be meant for.")
    oidc_roles_claim: str = Field(default="roles", description="Claim with the list of roles; dots lead inwards: realm_access.roles.")
    oidc_role_prefix: str = Field(default="stepwedge-", description="What a role's name begins with there: stepwedge-predict.")
    oidc_client_id: str | None = Field(
        default=None,
        min_length=1,
        description="This service's name at the issuer: people may log in to the console there. Needs oidc_issuer.",
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Secret of the client, where the issuer gave it one. With or without it PKCE is used."
    )
    caller_requests_per_s: float | None = Field(default=None, gt=0, description="Requests a second of one caller before 429. Not set: any.")
    caller_requests_at_once: int | None = Field(default=None, ge=1, description="Requests in work of one caller before 429. Not set: any.")
    tls_certificate: Path | None = Field(default=None, description="PEM file of the gateway's certificate and its chain; needs tls_key.")
    tls_key: Path | None = Field(default=None, description="PEM file of the certificate's key.")
    tls_client_ca: Path | None = Field(
        default=None, description="PEM file of authorities; only callers with a certificate of one of them are let in (mutual TLS)."
    )
    metrics_need_key: bool = Field(default=False, description="/metrics is for callers with the role read only.")
    replay_clock: bool = Field(default=False, description="Accept the header Stepwedge-Received-At from callers with the role replay.")
    export_measurements: bool = Field(
        default=False, description="The gateway's /metrics carries the measured series too (one address on a laptop)."
    )
    export_series: int = Field(
        default=20_000,
        ge=0,
        description="Prometheus series of measurements and evidence that all models together may have; above it details are left out.",
    )
    max_body_bytes: int = Field(default=128 * 2**20, ge=1024, description="Largest request body, in bytes.")
    max_pixels: int = Field(default=64 * 2**20, ge=1024, description="Largest declared rows x columns x frames x samples.")
    body_memory_bytes: int = Field(
        default=24 * 2**20,
        ge=2**20,
        description="Bodies in memory from which on others are not read on; they wait, then get 429. A body that is larger is read alone.",
    )
    pixel_memory_bytes: int = Field(
        default=48 * 2**20,
        ge=2**20,
        description="Memory for the pixels of films that are read at once; others wait, then get 429. A film that needs more is read alone.",
    )
    max_waiting: int = Field(default=256, ge=1, description="Requests in work at once before 429.")
    spool: Path | None = Field(
        default=None, description="Local folder in which answers are kept while Postgres is away; default data_dir/spool."
    )
    spool_bytes: int = Field(default=512 * 2**20, ge=2**20, description="Bytes that the spool may hold.")
    record_patience_s: float = Field(
        default=2.0, gt=0, le=60, description="Seconds that an answer waits for Postgres before it goes to the spool."
    )
    last_known_hours: float = Field(
        default=24.0,
        ge=0,
        le=168,
        description="A gateway that starts while Postgres is away goes by the keys and models that Postgres named last, if that is not longer ago. 0: never.",
    )
    unrecordable: Literal["fail_closed", "serve_unrecorded"] = Field(
        default="fail_closed",
        description="When neither Postgres nor the spool can keep an answer: give none (503), or give it marked and counted as unrecorded.",
    )
    codec_processes: int = Field(
        default=2, ge=1, le=64, description="Compressed films that are decompressed at once, each in a process of its own."
    )
    codec_seconds: int = Field(default=5, ge=1, le=600, description="Processor seconds of one compressed film; twice as many by the clock.")
    batch_size: int = Field(default=16, ge=1, le=1024, description="Largest inference batch.")
    torch_threads: int = Field(default=1, ge=1)
    shadow_challengers: int = Field(
        default=2, ge=0, le=16, description="Challengers that predict beside the champions at once, each in a process of its own."
    )
    shadow_memory_bytes: int = Field(
        default=512 * 2**20, ge=2**20, description="Memory of one challenger, beside that of Python and torch in its process."
    )
    shadow_queue_bytes: int = Field(
        default=32 * 2**20, ge=2**16, description="Films that wait for a challenger, in bytes; what comes beyond is not shown to it."
    )
    shadow_seconds: int = Field(default=30, ge=1, le=600, description="Processor seconds of a challenger's batch before it is put away.")
    webhook_url: str | None = Field(default=None, description="Where remedy requests are delivered.")
    webhook_secret: SecretStr | None = Field(default=None, description="HMAC-SHA256 key of the webhook signature.")
    retraining_command: str | None = Field(
        default=None,
        description="Command that begins a retraining, given the request as JSON on its input, instead of the webhook; it has a minute.",
    )
    report_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="Days for which what a DICOM report repeats of its film is kept, sealed. 0: nothing is kept, and there are no reports.",
    )
    pacs_url: str | None = Field(
        default=None, description="Root of the DICOMweb service of the PACS (STOW-RS); each result is pushed there as a report."
    )
    pacs_authorization: SecretStr | None = Field(default=None, description="The header Authorization of what is pushed there.")
    keep_predictions_days: int | None = Field(
        default=None, ge=30, description="Days after which the worker drops predictions with their labels, by whole months. Not set: kept."
    )
    archive: str | None = Field(
        default=None,
        description="Where days are archived, as an fsspec URL or a path; when set, only what was archived is dropped. Default objects/archive.",
    )
    keep_instances: bool = Field(
        default=False,
        description="Keep the input of every answered film in the object folder, for retraining: an array in half precision, nothing of its header.",
    )
    keep_instances_days: int = Field(default=365, ge=1, description="Days after which the worker removes them.")
    keep_refusals_days: int | None = Field(default=None, ge=1, description="Days after which the worker removes refusals. Not set: kept.")
    results_url: str | None = Field(default=None, description="Where the ends of asynchronous requests are delivered.")
    results_secret: SecretStr | None = Field(default=None, description="HMAC-SHA256 key of the signature of those.")
    alibi_licence: Literal["none", "evaluation", "licensed"] = Field(
        default="none",
        description="Terms under which alibi-detect (Business Source Licence) is used here: not at all, outside production, or by a licence.",
    )
    review_alarms: bool = Field(
        default=False, description="The worker attaches to each new alarm what the installed extras (reports, alibi) make of it."
    )
    inbox_bytes: int = Field(default=4 * 2**30, ge=2**20, description="What may wait in data_dir/inbox for its answer before 503.")
    max_study_bytes: int = Field(default=4 * 2**30, ge=1024, description="Largest body of a STOW-RS request; each instance is a body.")
    async_tasks: int = Field(default=4, ge=1, le=64, description="Instances of the inbox that are in work at once.")
    worker_interval_s: float = Field(default=60.0, gt=0, description="Seconds between passes of the worker.")
    hour_grace_s: float = Field(default=60.0, ge=0, description="Seconds after its end that an hour stays open.")

    @property
    def anonymous_roles(self) -> frozenset[Role]:
        """What callers without a key may do."""
        return frozenset(Role(name) for name in self.anonymous_may.split(",") if name)

    @property
    def authorization(self) -> dict[str, str]:
        """The header with which commands of this machine say who they are."""
        return {} if self.api_key is None else {"Authorization": f"Bearer {self.api_key.get_secret_value().strip()}"}

    @property
    def inbox_folder(self) -> Path:
        """Where instances wait that are answered later."""
        return self.data_dir / "inbox"

    @property
    def spool_folder(self) -> Path:
        """Where answers lie while Postgres is away."""
        return self.spool or self.data_dir / "spool"

    @property
    def archive_folder(self) -> str:
        """Where archived days lie."""
        return self.archive or f"{self.object_folder.rstrip('/')}/archive"

    @property
    def object_folder(self) -> str:
        """Where model packages and other objects lie."""
        return self.objects or str(self.data_dir / "objects")
