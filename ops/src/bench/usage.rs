//! What a process has used, as the kernel tells it under `/proc`.

use std::time::Duration;

use anyhow::Context as _;

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

/// Time that the machine's cores have not been idle, what a hypervisor took included: neither is left for anybody.
pub(super) struct BusyTime {
    seconds: f64,
}

impl BusyTime {
    /// Since the machine was started.
    pub(super) fn now() -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat: the benchmark needs Linux")?;
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks = line.split_whitespace().map(|ticks| ticks.parse::<f64>().unwrap_or(0.0));
        // user, nice, system, idle, iowait, irq, softirq, steal; guest time, which follows, is part of user time.
        let busy: f64 =
            ticks.take(8).enumerate().filter(|(at, _)| ![3, 4].contains(at)).map(|(_, ticks)| ticks).sum();
        Ok(Self { seconds: busy / TICKS_PER_SECOND })
    }

    /// How many cores were busy since, which was so long ago.
    pub(super) fn cores_since(&self, time: Duration) -> anyhow::Result<f64> {
        Ok(per(Self::now()?.seconds - self.seconds, time.as_secs_f64()))
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
    fn a_core_that_works_is_busy() {
        let (before, begun) = (BusyTime::now().unwrap(), tokio::time::Instant::now());
        let own = || usage_of(std::process::id()).unwrap().cpu_seconds;
        let used = own();
        while own() - used < 0.2 {
            std::hint::black_box(own());
        }
        let busy = before.cores_since(begun.elapsed()).unwrap() * begun.elapsed().as_secs_f64();
        assert!(busy > 0.1, "{busy} s");
    }

    #[test]
    fn this_process_has_used_memory() {
        let usage = usage_of(std::process::id()).unwrap();
        assert!(usage.peak_rss_mb >= usage.rss_mb && usage.rss_mb > 1.0);
    }
}
