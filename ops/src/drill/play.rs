//! One drill from its first sale to its report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sales_shared::clock::{Clock as _, SystemClock, Timestamp};
use sales_shared::region::RegionState;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::check::{Fate, examine, settle};
use super::figures::{Inputs, Report};
use super::load::{ALTERNATE, Book, post};
use super::stage::Stage;
use super::variant::{Length, Variant};
use super::watch::{Counters, Look, Seen};
use super::{Args, is_watched};
use crate::embedded::Darkness;

/// How long the system may take to come to rest after the traffic: production times need the most, a lease and a
/// visibility timeout in a row.
const SETTLE_LIMIT: Duration = Duration::from_secs(300);
/// Time between two tries to write a state to a region that is just coming back.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Tries to write it.
const STATE_TRIES: u32 = 30;

/// Something that was done at a moment of a drill.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub at: Timestamp,
    pub what: &'static str,
}

/// A drill that is over.
pub(super) struct Played {
    pub variant: Variant,
    pub regions: [String; 2],
    pub report: Report,
    pub fates: Vec<Fate>,
    pub looks: Vec<Look>,
    pub marks: Vec<Mark>,
    /// While the first region was dark.
    pub dark: Option<(Timestamp, Timestamp)>,
    pub began: Timestamp,
}

pub(super) async fn play(stage: &Stage, variant: Variant, args: &Args) -> anyhow::Result<Played> {
    let length = Length { load: Duration::from_secs(args.seconds) };
    let (book, seen, stop) = (Arc::new(Book::default()), Arc::new(Seen::default()), CancellationToken::new());
    if variant.breaks() {
        stage.breakable()?;
    }
    let http = reqwest::Client::builder().timeout(Duration::from_secs(1)).build()?;
    seen.count(&http, &stage.workers).await;
    let counted_before = seen.total();
    let bar = bar(args.seconds, variant);
    let (began, start) = (SystemClock.now(), Instant::now());
    let apis = stage.apis.clone();
    let traffic = tokio::spawn(post(book.clone(), apis, args.rate, length.load));
    let events = {
        let watching = seen.clone().watch(stage, stop.clone());
        let shown = show(&bar, &book, start, stop.clone());
        let acting = async {
            let marks = Script { stage, book: &book, start, length }.act(variant).await;
            let posted = traffic.await;
            (marks, posted)
        };
        let mut watching = std::pin::pin!(async { tokio::join!(watching, shown) });
        let (marks, posted) = tokio::select! {
            done = acting => done,
            _ = &mut watching => anyhow::bail!("the watch ended before the traffic"),
        };
        posted??;
        let marks = marks?;
        bar.set_style(style("{spinner} {msg}"));
        let accepted = book.accepted.lock().clone();
        let settling = settle(&stage.sites, &accepted, SETTLE_LIMIT, |left| {
            bar.set_message(format!(
                "{}: waiting until nothing is left to do; {left} sales to go",
                variant.name()
            ));
        });
        let at_rest = tokio::select! {
            at_rest = settling => at_rest?,
            _ = &mut watching => anyhow::bail!("the watch ended before the drill"),
        };
        (marks, accepted, at_rest)
    };
    stop.cancel();
    let (marks, accepted, at_rest) = events;
    bar.set_message(format!("{}: looking at every sale", variant.name()));
    seen.count(&http, &stage.workers).await;
    let findings = examine(&stage.sites, &accepted, at_rest).await?;
    bar.finish_and_clear();
    let event = marks.first().map_or(began, |mark| mark.at);
    let regions = stage.regions();
    let report = Report::of(&Inputs {
        variant,
        regions: &regions,
        findings: &findings,
        refused: book.refused.load(Ordering::Relaxed),
        counters: grown(counted_before, seen.total()),
        event,
    });
    let dark = dark_span(variant, &marks);
    let looks = seen.looks.lock().clone();
    Ok(Played { variant, regions, report, fates: findings.fates, looks, marks, dark, began })
}

fn dark_span(variant: Variant, marks: &[Mark]) -> Option<(Timestamp, Timestamp)> {
    match variant {
        Variant::Dark => Some((marks.first()?.at, marks.get(2)?.at)),
        Variant::Switchover | Variant::Kill | Variant::Both => None,
    }
}

fn grown(before: Counters, after: Counters) -> Counters {
    Counters {
        processed: after.processed - before.processed,
        reruns: after.reruns - before.reruns,
        takeovers: after.takeovers - before.takeovers,
    }
}

/// Who does what when.
struct Script<'a> {
    stage: &'a Stage,
    book: &'a Book,
    start: Instant,
    length: Length,
}

impl Script<'_> {
    /// Acts, and tells what was done; the first mark is what recovery is counted from.
    async fn act(&self, variant: Variant) -> anyhow::Result<Vec<Mark>> {
        self.at(self.length.event()).await;
        let mut marks = Vec::new();
        let mut mark = |what| marks.push(Mark { at: SystemClock.now(), what });
        match variant {
            Variant::Switchover => {
                mark("flip");
                self.switch_over().await?;
            }
            Variant::Both => {
                mark("both ACTIVE");
                self.set(1, RegionState::Active).await?;
                self.book.target.store(ALTERNATE, Ordering::Relaxed);
            }
            Variant::Kill => {
                mark("kill -9");
                self.stage.kill_worker(0)?;
                self.at(self.length.flip_after_outage()).await;
                mark("flip");
                self.switch_over().await?;
                self.at(self.length.mended()).await;
                mark("restart");
                self.stage.restart_worker(0).await?;
            }
            Variant::Dark => {
                mark("dark");
                let first = self.stage.sites[0].region.as_str();
                self.stage.faults()?.darken(first, Darkness::Hang)?;
                self.at(self.length.flip_after_outage()).await;
                mark("flip");
                self.set(1, RegionState::Active).await?;
                self.book.target.store(1, Ordering::Relaxed);
                self.at(self.length.mended()).await;
                mark("light");
                self.stage.faults()?.light(first);
                self.set(0, RegionState::Passive).await?;
            }
        }
        Ok(marks)
    }

    /// The new region first, then the old one; clients follow.
    async fn switch_over(&self) -> anyhow::Result<()> {
        self.set(1, RegionState::Active).await?;
        self.set(0, RegionState::Passive).await?;
        self.book.target.store(1, Ordering::Relaxed);
        Ok(())
    }

    async fn set(&self, site: usize, state: RegionState) -> anyhow::Result<()> {
        let operator = &self.stage.sites[site].operator;
        for _ in 1..STATE_TRIES {
            if operator.put_state(state).await.is_ok() {
                return Ok(());
            }
            sleep(AGAIN_AFTER).await;
        }
        Ok(operator.put_state(state).await?)
    }

    async fn at(&self, after: Duration) {
        sleep_until(self.start + after).await;
    }
}

/// Moves the bar on, once a fraction of a second.
async fn show(bar: &ProgressBar, book: &Book, start: Instant, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(AGAIN_AFTER);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        bar.set_position(start.elapsed().as_secs());
        let accepted = book.accepted.lock().len();
        if start.elapsed().as_secs() < bar.length().unwrap_or(0) {
            bar.set_message(format!("{accepted} accepted, {} refused", book.refused.load(Ordering::Relaxed)));
        }
        bar.tick();
    }
}

fn bar(seconds: u64, variant: Variant) -> ProgressBar {
    let target = if is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(seconds), target).with_prefix(variant.name());
    bar.set_style(style("{prefix:>10} [{bar:30}] {pos:>3}/{len} s  {msg}"));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
