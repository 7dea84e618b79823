//! What a process has used, as the kernel tells it under `/proc`.

use anyhow::Context as _;
use tokio::time::Instant;

use super::measure::per;
use crate::child::Process;

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, which is 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Kilobytes in a megabyte.
const KB_PER_MB: f64 = 1024.0;

/// Time and memory of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub cpu_seconds: f64,
    pub peak_rss_mb: f64,
    pub rss_mb: f64,
}

/// What a child and the processes that it has started have used together, read while they run.
pub(super) fn usage(child: &Process) -> anyhow::Result<Usage> {
    let mut sum = usage_of(child.id())?;
    // One that has ended meanwhile has nothing to tell.
    for one in child.family().into_iter().skip(1).filter_map(|process| usage_of(process).ok()) {
        sum.cpu_seconds += one.cpu_seconds;
        sum.peak_rss_mb += one.peak_rss_mb;
        sum.rss_mb += one.rss_mb;
    }
    Ok(sum)
}

/// What one process has used.
pub(super) fn usage_of(process: u32) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("{path}: the benchmark needs Linux"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    // The name, in parentheses, may hold anything; the state follows it, user and system time are the 12th and 13th.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / KB_PER_MB
    };
    Ok(Usage {
        cpu_seconds: ticks.sum::<f64>() / TICKS_PER_SECOND,
        peak_rss_mb: megabytes("VmHWM:"),
        rss_mb: megabytes("VmRSS:"),
    })
}

/// Since when, and what the machine's cores had worked by then.
pub(super) struct Busy {
    since: Instant,
    seconds: f64,
}

impl Busy {
    /// From now on.
    pub(super) fn begin() -> anyhow::Result<Self> {
        Ok(Self { since: Instant::now(), seconds: worked()? })
    }

    /// How many cores were busy since.
    pub(super) fn cores(&self) -> anyhow::Result<f64> {
        Ok(per(worked()? - self.seconds, self.since.elapsed().as_secs_f64()))
    }
}

/// Seconds that this machine's cores have not been idle since it was started.
fn worked() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat: the benchmark needs Linux")?;
    Ok(busy_ticks(&stat) / TICKS_PER_SECOND)
}

/// All but idle time: what a hypervisor took counts, since it is left for nobody.
fn busy_ticks(stat: &str) -> f64 {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().map(|ticks| ticks.parse().unwrap_or(0.0)).collect();
    // Guest time, which follows, is part of user time.
    match ticks[..] {
        [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] => {
            user + nice + system + irq + softirq + steal
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[tokio::test]
    async fn what_a_line_for_the_shell_starts_is_counted_and_ended_with_it() {
        use crate::child::Program;

        let line = "sh -c 'sleep 60; true'".to_owned();
        let mut child = Process::start(&Program::Shell(line), &BTreeMap::new(), &[]).unwrap();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while child.family().len() < 2 {
            assert!(tokio::time::Instant::now() < deadline, "the shell started nothing");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let family = child.family();
        assert!(usage(&child).unwrap().rss_mb > usage_of(child.id()).unwrap().rss_mb);
        child.kill();
        for process in family {
            let ended = |stat: String| stat.contains(") Z");
            while !std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, ended) {
                assert!(tokio::time::Instant::now() < deadline, "{process} lives on");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }

    #[test]
    fn idle_cores_and_those_that_wait_for_a_disk_are_not_busy() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 4000 8000\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 7\n";
        assert!((busy_ticks(stat) - 63.0).abs() < 1e-9);
        assert!(worked().unwrap() > 0.0, "this machine tells it as well");
    }

    #[test]
    fn this_process_has_used_memory() {
        let usage = usage_of(std::process::id()).unwrap();
        assert!(usage.peak_rss_mb >= usage.rss_mb && usage.rss_mb > 1.0);
    }
}
