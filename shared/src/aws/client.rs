//! How the SDK's clients are made: once a process and region, over one HTTP client, with limits on everything.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::region::Region;

/// How long calls to one region may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One try, from its first byte to the answer's.
    attempt: Duration,
    /// All tries of a call together.
    operation: Duration,
    /// Tries of a call.
    attempts: u32,
}

/// Longest wait for a connection. A region that is gone shows itself here.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// First wait before the SDK tries a call again; it doubles, with jitter.
const RETRY_FIRST_WAIT: Duration = Duration::from_millis(50);
/// Longest such wait.
const RETRY_MAX_WAIT: Duration = Duration::from_millis(500);

impl Limits {
    /// Within the region: all tries of a call stay far below the processing deadline.
    pub fn local() -> Self {
        Self { attempt: Duration::from_secs(2), operation: Duration::from_secs(5), attempts: 3 }
    }

    /// To the other region: its silence has to be noticed soon, and the protocol itself tries again.
    pub fn peer() -> Self {
        Self { attempt: Duration::from_millis(1500), operation: Duration::from_secs(2), attempts: 2 }
    }

    /// For an operator's commands: patient, since a control plane may be slow.
    pub fn operator() -> Self {
        Self { attempt: Duration::from_secs(10), operation: Duration::from_secs(30), attempts: 4 }
    }

    fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }

    fn retries(self) -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(self.attempts)
            .with_initial_backoff(RETRY_FIRST_WAIT)
            .with_max_backoff(RETRY_MAX_WAIT)
    }
}

/// The clients of one region. They share one HTTP client and one source of credentials.
#[derive(Clone)]
pub struct RegionClients {
    config: SdkConfig,
    emulator: bool,
}

impl RegionClients {
    /// For a region of AWS, or of an emulator at `endpoint_url`.
    pub async fn connect(region: &Region, endpoint_url: Option<&str>, limits: Limits) -> Self {
        let plain_http = endpoint_url.is_some_and(|url| url.starts_with("http://"));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(region.to_string()))
            .http_client(http_client(plain_http))
            .timeout_config(limits.timeouts())
            .retry_config(limits.retries())
            // Bodies are small and attempts have a time-out of their own; the guard would poll each stream for nothing.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if plain_http {
            // An emulator takes any credentials; AWS itself is never spoken to without TLS.
            let any = Credentials::new("test", "test", None, None, "emulator");
            let chain =
                CredentialsProviderChain::first_try("env", EnvironmentVariableCredentialsProvider::new());
            loader = loader.credentials_provider(chain.or_else("emulator", any));
        }
        Self { config: loader.load().await, emulator: endpoint_url.is_some() }
    }

    /// The same for another region, with the same HTTP client and credentials.
    pub fn in_region(&self, region: &Region, limits: Limits) -> Self {
        let mut builder = self.config.to_builder();
        builder.set_region(Some(aws_config::Region::new(region.to_string())));
        builder.set_timeout_config(Some(limits.timeouts()));
        builder.set_retry_config(Some(limits.retries()));
        Self { config: builder.build(), emulator: self.emulator }
    }

    pub(super) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    pub(super) fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.config)
    }

    pub(super) fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.config)
    }

    pub(super) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// For receives that wait up to `wait`: as patient as that, and not tried again, because the loop does so itself.
    pub(super) fn sqs_long_poll(&self, wait: Duration) -> aws_sdk_sqs::Client {
        let patience = wait + Duration::from_secs(5);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(patience)
            .operation_timeout(patience)
            .build();
        let config = aws_sdk_sqs::config::Builder::from(&self.config)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }

    pub(super) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(self.emulator)
            // The payload is signed already; a second checksum would be paid for on every sale.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// The source of credentials, for what is signed outside the SDK.
    pub fn credentials(&self) -> Option<SharedCredentialsProvider> {
        self.config.credentials_provider()
    }
}

fn http_client(plain_http: bool) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if plain_http {
        builder.build_http()
    } else {
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    }
}
