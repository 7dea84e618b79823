//! Which cases are measured, and with how many sales: enough for a second or more each.

use std::time::Duration;

use super::measure::{Case, Contender, Task};

/// The concurrency that is the default of production.
pub(super) const CONCURRENCY: usize = 64;
/// The latency that stands for a region at ease.
pub(super) const USUAL_LATENCY: Duration = Duration::from_millis(5);
/// Latencies of a benchmark.
const LATENCIES: [Duration; 3] = [Duration::ZERO, USUAL_LATENCY, SLOW_LATENCY];
/// The latency at which a machine is waiting and not working, however small it is.
pub(super) const SLOW_LATENCY: Duration = Duration::from_millis(50);
/// Concurrencies, beside the default one.
const OTHER_CONCURRENCIES: [usize; 3] = [1, 8, 256];
/// Numbers of processes, beside one.
const OTHER_PROCESSES: [usize; 2] = [2, 4];
/// Calls in a row for one sale: claim, object, then mark and proof at once.
const CALLS_IN_A_ROW: f64 = 3.0;
/// Time of a call beyond the latency that is added, about.
const CALL_SECONDS: f64 = 0.0015;
/// Sales a second that this size of machine does not get beyond.
const RATE_MAX: f64 = 2400.0;
/// How many times as fast a dry run is, or should be.
const DRY_RUN_FACTOR: f64 = 4.0;
/// How long a case is to last.
const CASE_SECONDS: f64 = 3.0;
/// Fewest sales of a case, however slow: fewer batches than these make no rate.
const SALES_MIN: f64 = 60.0;

pub(super) fn cases(quick: bool, others: &[Contender]) -> Vec<Case> {
    let mut cases = Vec::new();
    let latencies: &[Duration] = if quick { &LATENCIES[1..2] } else { &LATENCIES };
    for latency in latencies {
        for task in [Task::Accept, Task::Process] {
            for contender in [Contender::Floor, Contender::Ours].iter().chain(others) {
                cases.push(case(contender, task, *latency, CONCURRENCY, 1));
            }
        }
        cases.push(case(&Contender::Ours, Task::DryRun, *latency, CONCURRENCY, 1));
    }
    let concurrencies: &[usize] = if quick { &OTHER_CONCURRENCIES[..1] } else { &OTHER_CONCURRENCIES };
    for concurrency in concurrencies {
        for contender in [Contender::Floor, Contender::Ours] {
            cases.push(case(&contender, Task::Process, USUAL_LATENCY, *concurrency, 1));
        }
    }
    if !quick {
        for contender in [Contender::Floor, Contender::Ours] {
            cases.push(case(&contender, Task::Process, SLOW_LATENCY, 1, 1));
        }
        // A small machine has nothing left for more processes when calls are quick, so that growth shows with slow ones.
        for latency in [USUAL_LATENCY, SLOW_LATENCY] {
            for processes in OTHER_PROCESSES {
                cases.push(case(&Contender::Ours, Task::Process, latency, CONCURRENCY, processes));
            }
        }
    }
    cases
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand sales")]
fn case(contender: &Contender, task: Task, latency: Duration, concurrency: usize, processes: usize) -> Case {
    let sale_seconds = CALLS_IN_A_ROW * (latency.as_secs_f64() + CALL_SECONDS);
    let rate = ((concurrency * processes) as f64 / sale_seconds).min(RATE_MAX);
    let factor = if task == Task::DryRun { DRY_RUN_FACTOR } else { 1.0 };
    let sales = (rate * factor * CASE_SECONDS).max(SALES_MIN).ceil() as usize;
    Case { contender: contender.clone(), task, latency, concurrency, processes, sales }
}
