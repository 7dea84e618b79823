//! The picture of a drill: one HTML file with nothing outside of it, light and dark.

use std::fmt::Write as _;

use sales_shared::clock::Timestamp;

use super::chart::{Chart, Scale, Series};
use super::figures::{Latency, latencies, percentile};
use super::play::Played;

/// Columns that a chart has about.
const COLUMNS: f64 = 90.0;
/// The narrowest column, in seconds.
const COLUMN_MIN_SECONDS: f64 = 0.5;
/// Seconds shown after the last sale was processed.
const TAIL_SECONDS: f64 = 1.0;
/// Where the logarithmic axis of the latency begins, in milliseconds.
const LATENCY_FROM_MS: f64 = 1.0;
/// Classes of the two regions' colours.
const REGION: [&str; 2] = ["one", "two"];

const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub(super) fn page(played: &[Played], rate: u32, times: &str) -> String {
    let holds = played.iter().all(|one| one.report.holds());
    let sum = |of: fn(&Played) -> u64| played.iter().map(of).sum::<u64>();
    let (lost, doubled) = (sum(|one| one.report.lost), sum(|one| one.report.doubled));
    let accepted = sum(|one| one.report.accepted);
    let regions = played.first().map_or(["", ""], |one| one.regions.each_ref().map(String::as_str));
    let verdict = if holds { "good" } else { "bad" };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Failover drill</title><style>{STYLE}</style></head><body><main>\n\
         <header><div><h1>Failover drill</h1><p>{accepted} sales at {rate} a second, {} and {}; {times}.</p></div>\
         <p class=\"verdict {verdict}\"><b>{lost}</b> lost <b>{doubled}</b> doubled</p></header>\n{LEGEND}\n",
        regions[0],
        regions[1],
        LEGEND = legend(&regions),
    );
    for one in played {
        html += &section(one);
    }
    html + "<footer>Every accepted sale was looked up after the drill: its row and its one object in both regions, its record; queues and outboxes. \
            Latency is counted from acceptance to proof, and plotted at the time of acceptance.</footer>\n</main></body></html>\n"
}

fn legend(regions: &[&str; 2]) -> String {
    format!(
        "<ul class=\"legend\"><li class=\"one\">{}</li><li class=\"two\">{}</li><li class=\"all\">accepted (dotted)</li><li class=\"dark\">no answer from AWS</li></ul>",
        regions[0], regions[1]
    )
}

fn section(one: &Played) -> String {
    let report = &one.report;
    let axis = Axis::of(one);
    let (class, word) = if report.holds() { ("good", "holds") } else { ("bad", "broken") };
    let mut html = format!(
        "<section><h2>{} <span class=\"badge {class}\">{word}</span></h2><p class=\"about\">{}</p>\n<dl>",
        one.variant.title(),
        one.variant.about()
    );
    let seconds = |value: Option<f64>| value.map_or("–".to_owned(), |s| format!("{s:.1} s"));
    let by: Vec<u64> =
        one.regions.iter().filter_map(|region| report.processed_by.get(region).copied()).collect();
    let by = by.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ");
    let cards = [
        ("accepted", report.accepted.to_string(), format!("{} refused", report.refused)),
        ("processed", report.processed.to_string(), by),
        (
            "lost",
            report.lost.to_string(),
            format!("{}at rest in the end", if report.at_rest { "" } else { "not " }),
        ),
        (
            "doubled",
            report.doubled.to_string(),
            format!("{} reruns, {} takeovers", report.reruns, report.takeovers),
        ),
        ("RTO", seconds(report.rto_seconds), format!("backlog gone {}", seconds(report.backlog_seconds))),
        (
            "p50 / p99 before",
            latency(report.phases.before),
            format!("after: {}", latency(report.phases.after)),
        ),
        ("p50 / p99 during", latency(report.phases.during), format!("{} sales", report.phases.during.sales)),
    ];
    for (name, value, note) in cards {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>");
    }
    html += "</dl>\n";
    for (heading, chart) in [
        ("Sales a second", axis.throughput(one)),
        ("Messages in the queues", axis.depths(one)),
        ("Latency: p50, and p99 dashed", axis.latency(one)),
    ] {
        let _ = writeln!(html, "<figure><figcaption>{heading}</figcaption>{}</figure>", chart.svg());
    }
    html + "</section>\n"
}

fn latency(latency: Latency) -> String {
    if latency.sales == 0 {
        return "–".to_owned();
    }
    format!("{} / {}", brief(latency.p50_ms), brief(latency.p99_ms))
}

fn brief(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1000.0) }
}

/// The time axis of one drill, in columns.
struct Axis {
    began: Timestamp,
    seconds: f64,
    column: f64,
    marks: Vec<(f64, &'static str)>,
    shade: Option<(f64, f64)>,
}

impl Axis {
    fn of(one: &Played) -> Self {
        let second = |at: Timestamp| at.since(one.began).as_secs_f64();
        let ends = one.fates.iter().filter_map(|fate| fate.processed).map(|(_, at)| second(at));
        let created = one.fates.iter().map(|fate| second(fate.created_at));
        let busy =
            one.looks.iter().filter(|look| look.messages.iter().any(|depth| depth.is_some_and(|n| n > 0)));
        let waits = busy.map(|look| second(look.at));
        let seconds = ends.chain(created).chain(waits).fold(1.0, f64::max) + TAIL_SECONDS;
        let column =
            ((seconds / COLUMNS / COLUMN_MIN_SECONDS).ceil() * COLUMN_MIN_SECONDS).max(COLUMN_MIN_SECONDS);
        Self {
            began: one.began,
            seconds,
            column,
            marks: one.marks.iter().map(|mark| (second(mark.at), mark.what)).collect(),
            shade: one.dark.map(|(from, to)| (second(from), second(to))),
        }
    }

    fn second(&self, at: Timestamp) -> f64 {
        at.since(self.began).as_secs_f64()
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of a drill over half a second"
    )]
    fn columns(&self) -> usize {
        (self.seconds / self.column).ceil() as usize
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as above")]
    fn column_of(&self, at: Timestamp) -> usize {
        (self.second(at) / self.column) as usize
    }

    fn middle(&self, column: usize) -> f64 {
        (column as f64 + 0.5) * self.column
    }

    /// How many moments fall into each column, a second.
    fn rate(&self, moments: impl Iterator<Item = Timestamp>) -> Vec<(f64, Option<f64>)> {
        let mut counts = vec![0_u32; self.columns() + 1];
        for moment in moments {
            if let Some(count) = counts.get_mut(self.column_of(moment)) {
                *count += 1;
            }
        }
        let rate =
            |(column, count): (usize, u32)| (self.middle(column), Some(f64::from(count) / self.column));
        counts.into_iter().enumerate().map(rate).filter(|(second, _)| *second <= self.seconds).collect()
    }

    fn chart(
        &self,
        height: f64,
        scale: Scale,
        series: Vec<Series>,
        label: &str,
        format: fn(f64) -> String,
    ) -> Chart {
        let (marks, shade, span) = (self.marks.clone(), self.shade, (0.0, self.seconds));
        Chart { height, scale, series, span, marks, shade, label: label.to_owned(), format }
    }

    fn throughput(&self, one: &Played) -> Chart {
        let mut series: Vec<Series> = [0, 1]
            .map(|site| {
                let processed = one.fates.iter().filter_map(|fate| fate.processed);
                let moments = processed.filter(|(by, _)| *by == site).map(|(_, at)| at);
                Series { class: REGION[site], points: self.rate(moments), filled: true }
            })
            .into();
        let accepted = self.rate(one.fates.iter().map(|fate| fate.created_at));
        series.push(Series { class: "all", points: accepted, filled: false });
        self.chart(
            230.0,
            Scale::Linear,
            series,
            "Sales accepted, and processed by each region, a second",
            whole,
        )
    }

    fn depths(&self, one: &Played) -> Chart {
        let series = [0, 1].map(|site| {
            let depth = |value: u64| u32::try_from(value).map_or(f64::MAX, f64::from);
            let points = one.looks.iter().map(|look| (self.second(look.at), look.messages[site].map(depth)));
            let points = points.filter(|(second, _)| *second <= self.seconds).collect();
            Series { class: REGION[site], points, filled: false }
        });
        self.chart(170.0, Scale::Linear, series.into(), "Messages in each region's queue", whole)
    }

    fn latency(&self, one: &Played) -> Chart {
        let of = |percent: usize| {
            let column = |column: usize| {
                let sorted = latencies(&one.fates, |fate| self.column_of(fate.created_at) == column);
                let value = (!sorted.is_empty()).then(|| percentile(&sorted, percent) as f64);
                (self.middle(column), value)
            };
            (0..self.columns()).map(column).collect()
        };
        let series = vec![
            Series { class: "all faint", points: of(99), filled: false },
            Series { class: "all strong", points: of(50), filled: false },
        ];
        let scale = Scale::Logarithmic(LATENCY_FROM_MS);
        self.chart(170.0, scale, series, "Latency from acceptance to proof", |ms| {
            if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.0} s", ms / 1000.0) }
        })
    }
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}
