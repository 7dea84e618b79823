//! Faults, to be switched on and off while everything runs: latency, errors, answers lost, a region dark.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::answer::{Answer, Failure};
use super::scope::Service;

/// Faults that can be in force at one time.
const FAULTS_MAX: usize = 1000;

/// The longest latency that can be asked for.
const LATENCY_MAX: Duration = Duration::from_secs(3600);

/// What becomes of a call into the dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Darkness {
    /// No answer at all, until the client gives up or the light comes back (then the connection is cut).
    Hang,
    /// The connection is closed without an answer.
    Cut,
}

/// Errors, worded by each service in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InjectedError {
    /// A fault inside AWS, status 500; the SDK retries it.
    Internal,
    /// Too many calls; the SDK retries it, more slowly.
    Throttle,
    /// Status 503; the SDK retries it.
    Unavailable,
    /// Not allowed, status 403 or 400; the SDK gives up at once.
    AccessDenied,
}

/// One fault: which calls it meets (an absent field meets all), and what it does to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// The region the call is signed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The operation, as AWS names it (`PutItem`), or `Deliver` for what a topic sends to a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How likely a call that matches is met, 0 to 1.
    pub probability: f64,
    /// What the dice of this fault start from: the same seed and the same calls give the same outcome.
    pub seed: u64,
    /// How many calls are met before the fault is spent; absent means no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Added before the call is carried out, in milliseconds.
    pub latency_ms: u64,
    /// Answered in place of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<InjectedError>,
    /// The call takes effect, and then the error (or the darkness) is the answer all the same.
    pub after_effect: bool,
    /// No answer. Without a service and an operation the whole region is dark: replication and deliveries wait too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dark: Option<Darkness>,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            region: None,
            service: None,
            operation: None,
            probability: 1.0,
            seed: 0,
            times: None,
            latency_ms: 0,
            error: None,
            after_effect: false,
            dark: None,
        }
    }
}

impl Fault {
    /// A whole region without light.
    #[must_use]
    pub fn dark_region(region: &str, darkness: Darkness) -> Self {
        Self { region: Some(region.to_owned()), dark: Some(darkness), ..Self::default() }
    }

    /// An error at every call of one operation.
    #[must_use]
    pub fn error(region: &str, service: Service, operation: &str, error: InjectedError) -> Self {
        Self {
            region: Some(region.to_owned()),
            service: Some(service),
            operation: Some(operation.to_owned()),
            error: Some(error),
            ..Self::default()
        }
    }

    /// Latency at every call.
    #[must_use]
    pub fn latency(latency: Duration) -> Self {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        Self { latency_ms, ..Self::default() }
    }

    fn darkens_region(&self) -> bool {
        self.dark.is_some() && self.service.is_none() && self.operation.is_none() && !self.after_effect
    }

    fn matches(&self, region: &str, service: Service, operation: &str) -> bool {
        self.region.as_deref().is_none_or(|wanted| wanted == region)
            && self.service.is_none_or(|wanted| wanted == service)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }

    fn check(&self, regions: &[String; 2]) -> Result<(), FaultRefused> {
        if let Some(region) = &self.region
            && !regions.contains(region)
        {
            let [first, second] = regions.clone();
            return Err(FaultRefused::Region(region.clone(), first, second));
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(FaultRefused::Probability(self.probability));
        }
        if Duration::from_millis(self.latency_ms) > LATENCY_MAX {
            return Err(FaultRefused::Latency);
        }
        if self.latency_ms == 0 && self.error.is_none() && self.dark.is_none() {
            return Err(FaultRefused::Nothing);
        }
        if self.darkens_region() && (self.probability < 1.0 || self.times.is_some()) {
            return Err(FaultRefused::HalfDark);
        }
        Ok(())
    }
}

/// Why a fault was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FaultRefused {
    /// Not one of the two regions.
    #[error("region {0} is not one of {1} and {2}")]
    Region(String, String, String),
    /// Not a probability.
    #[error("probability is {0}, it must be from 0 to 1")]
    Probability(f64),
    /// Too long.
    #[error("latency_ms is above one hour")]
    Latency,
    /// Nothing would happen.
    #[error(
        "the fault does nothing: give latency_ms, error (internal, throttle, unavailable, access_denied) or dark (hang, cut)"
    )]
    Nothing,
    /// A region is dark or it is not.
    #[error(
        "a dark region takes neither probability nor times; name a service or an operation to lose single answers"
    )]
    HalfDark,
    /// Too many.
    #[error("at most 1000 faults can be in force")]
    TooMany,
}

/// Names a fault in force.
pub type FaultId = u64;

/// What the faults say of one call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub latency: Duration,
    pub error: Option<InjectedError>,
    pub dark: Option<Darkness>,
    pub after_effect: bool,
}

struct Rule {
    id: FaultId,
    fault: Fault,
    left: Option<u64>,
    dice: Dice,
}

/// The faults in force.
pub struct Faults {
    regions: [String; 2],
    rules: Mutex<Vec<Rule>>,
    in_force: AtomicUsize,
    next_id: Mutex<FaultId>,
    changed: watch::Sender<u64>,
}

impl Faults {
    pub(super) fn new(regions: [String; 2]) -> Self {
        Self {
            regions,
            rules: Mutex::default(),
            in_force: AtomicUsize::new(0),
            next_id: Mutex::new(1),
            changed: watch::Sender::new(0),
        }
    }

    /// Puts a fault in force.
    ///
    /// # Errors
    /// A fault that names no region here, does nothing or is out of range is refused with the reason.
    pub fn add(&self, fault: Fault) -> Result<FaultId, FaultRefused> {
        fault.check(&self.regions)?;
        let id = {
            let mut rules = self.rules.lock();
            if rules.len() >= FAULTS_MAX {
                return Err(FaultRefused::TooMany);
            }
            let mut next = self.next_id.lock();
            let id = *next;
            *next += 1;
            rules.push(Rule { id, left: fault.times, dice: Dice(fault.seed), fault });
            self.in_force.store(rules.len(), Ordering::Release);
            id
        };
        self.tell();
        Ok(id)
    }

    /// Takes one fault back; false when it was not in force.
    pub fn remove(&self, id: FaultId) -> bool {
        let removed = {
            let mut rules = self.rules.lock();
            let before = rules.len();
            rules.retain(|rule| rule.id != id);
            self.in_force.store(rules.len(), Ordering::Release);
            rules.len() < before
        };
        self.tell();
        removed
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        {
            let mut rules = self.rules.lock();
            rules.clear();
            self.in_force.store(0, Ordering::Release);
        }
        self.tell();
    }

    /// The faults in force, spent ones not.
    #[must_use]
    pub fn list(&self) -> Vec<(FaultId, Fault)> {
        self.rules.lock().iter().map(|rule| (rule.id, rule.fault.clone())).collect()
    }

    /// Makes a region dark.
    ///
    /// # Errors
    /// When the region is not one of the two.
    pub fn darken(&self, region: &str, darkness: Darkness) -> Result<FaultId, FaultRefused> {
        self.add(Fault::dark_region(region, darkness))
    }

    /// Ends the darkness of a region, and only that.
    pub fn light(&self, region: &str) {
        {
            let mut rules = self.rules.lock();
            rules.retain(|rule| {
                !(rule.fault.darkens_region()
                    && rule.fault.region.as_deref().is_none_or(|dark| dark == region))
            });
            self.in_force.store(rules.len(), Ordering::Release);
        }
        self.tell();
    }

    /// Whether a whole region is dark.
    #[must_use]
    pub fn is_dark(&self, region: &str) -> bool {
        self.region_darkness(region).is_some()
    }

    pub(super) fn region_darkness(&self, region: &str) -> Option<Darkness> {
        if self.in_force.load(Ordering::Acquire) == 0 {
            return None;
        }
        let rules = self.rules.lock();
        let dark = rules.iter().find(|rule| {
            rule.fault.darkens_region() && rule.fault.region.as_deref().is_none_or(|dark| dark == region)
        });
        dark.and_then(|rule| rule.fault.dark)
    }

    /// Whether a call of this kind would still go unanswered.
    pub(super) fn darkens(&self, site: usize, service: Service, operation: &str) -> bool {
        let region = self.region_name(site);
        let rules = self.rules.lock();
        rules.iter().any(|rule| rule.fault.dark.is_some() && rule.fault.matches(region, service, operation))
    }

    pub(super) fn region_name(&self, site: usize) -> &str {
        self.regions.get(site).map_or("", String::as_str)
    }

    /// Told at every change of the faults.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Decides on one call, and counts it against the faults that met it.
    pub(super) fn judge(&self, site: usize, service: Service, operation: &str) -> Verdict {
        let mut verdict = Verdict::default();
        if self.in_force.load(Ordering::Acquire) == 0 {
            return verdict;
        }
        let region = self.region_name(site);
        let mut rules = self.rules.lock();
        let mut spent = false;
        for rule in rules.iter_mut() {
            if !rule.fault.matches(region, service, operation) || !rule.dice.below(rule.fault.probability) {
                continue;
            }
            if let Some(left) = &mut rule.left {
                *left = left.saturating_sub(1);
                spent |= *left == 0;
            }
            verdict.add(&rule.fault);
        }
        if spent {
            rules.retain(|rule| rule.left != Some(0));
            self.in_force.store(rules.len(), Ordering::Release);
        }
        verdict
    }
}

impl Verdict {
    fn add(&mut self, fault: &Fault) {
        self.latency += Duration::from_millis(fault.latency_ms);
        if fault.error.is_some() || fault.dark.is_some() {
            self.after_effect = fault.after_effect;
        }
        self.error = self.error.or(fault.error);
        self.dark = self.dark.or(fault.dark);
    }
}

impl InjectedError {
    /// The error as the service would word it.
    pub(super) fn answer(self, service: Service) -> Answer {
        let (status, code) = match (self, service) {
            (Self::Internal, Service::Dynamodb | Service::Ssm) => (500, "InternalServerError"),
            (Self::Internal, Service::Sqs | Service::Sts) => (500, "InternalFailure"),
            (Self::Internal, Service::Sns | Service::S3) => (500, "InternalError"),
            (Self::Throttle, Service::Dynamodb) => (400, "ProvisionedThroughputExceededException"),
            (Self::Throttle, Service::Sqs) => (403, "RequestThrottled"),
            (Self::Throttle, Service::Ssm) => (400, "ThrottlingException"),
            (Self::Throttle, Service::Sns | Service::Sts) => (400, "Throttling"),
            (Self::Throttle, Service::S3) => (503, "SlowDown"),
            (Self::Unavailable, _) => (503, "ServiceUnavailable"),
            (Self::AccessDenied, Service::Dynamodb | Service::Ssm) => (400, "AccessDeniedException"),
            (Self::AccessDenied, Service::Sns) => (403, "AuthorizationError"),
            (Self::AccessDenied, Service::S3 | Service::Sqs | Service::Sts) => (403, "AccessDenied"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Failure { status, code, message: "injected fault" }.answer(service)
    }
}

/// A small seeded generator (SplitMix64): outcomes must be repeatable, not unpredictable.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, probability: f64) -> bool {
        if probability >= 1.0 {
            return true;
        }
        // The upper 53 bits fill the mantissa of a number in [0, 1).
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < probability
    }
}
