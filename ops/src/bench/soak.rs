//! A soak: very many sales through an api, an ACTIVE worker and a PASSIVE one, and their memory along the way.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::measure::post;
use super::rig::Rig;
use super::usage::usage;
use crate::child::{Process, Program};
use crate::style;

/// Looks at the memory, at equal distances.
const LOOKS: usize = 20;
/// Requests at once.
const CONCURRENCY: usize = 64;
/// Longest time that a queue may take to be drained between two looks.
const DRAIN_LIMIT: Duration = Duration::from_secs(300);

/// What a soak showed.
#[derive(Debug, Serialize)]
pub(super) struct Soak {
    sales: usize,
    seconds: f64,
    /// Messages that were left in the ACTIVE region's queue.
    left: u64,
    looks: Vec<Look>,
}

/// Resident memory of each process in megabytes.
#[derive(Clone, Copy, Debug, Serialize)]
struct Look {
    sales: usize,
    api_mb: f64,
    active_worker_mb: f64,
    passive_worker_mb: f64,
}

/// Posts so many sales and has them processed.
///
/// # Errors
/// When the services are not built, or one of them fails.
pub(super) async fn run(sales: usize, progress: impl Fn(usize)) -> anyhow::Result<Soak> {
    let rig = Rig::start().await?;
    let (api, worker) = (Program::beside("sales-api")?, Program::beside("sales-worker")?);
    let api = Process::serve(&api, &rig.environment).await?;
    let active = Process::serve(&worker, &rig.environment).await?;
    let passive = Process::serve(&worker, &rig.peer_environment).await?;
    let look = |sales: usize| {
        let mb = |process: &Process| anyhow::Ok(usage(process)?.rss_mb);
        anyhow::Ok(Look {
            sales,
            api_mb: mb(&api)?,
            active_worker_mb: mb(&active)?,
            passive_worker_mb: mb(&passive)?,
        })
    };
    let begun = Instant::now();
    let mut looks = vec![look(0)?];
    let mut left = 0;
    for number in 1..=LOOKS {
        let (before, until) = (sales * (number - 1) / LOOKS, sales * number / LOOKS);
        post(&api.url, until - before, CONCURRENCY).await?;
        left = rig.until_drained(DRAIN_LIMIT).await?.left();
        looks.push(look(until)?);
        progress(until);
    }
    let seconds = begun.elapsed().as_secs_f64();
    drop((api, active, passive));
    rig.aws.stop().await;
    Ok(Soak { sales, seconds, left, looks })
}

impl Soak {
    pub(super) fn text(&self) -> String {
        let head = ["sales", "api MB", "active worker MB", "passive worker MB"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for look in &self.looks {
            let megabytes = [look.api_mb, look.active_worker_mb, look.passive_worker_mb];
            let cells = megabytes.map(|megabytes| format!("{megabytes:.1}"));
            rows.push(std::iter::once(look.sales.to_string()).chain(cells).collect());
        }
        let rate = self.sales as f64 / self.seconds.max(f64::MIN_POSITIVE);
        format!(
            "{}\n\n{} sales in {:.0} s ({rate:.0} a second), {} left",
            style::table(&rows),
            self.sales,
            self.seconds,
            self.left
        )
    }
}
