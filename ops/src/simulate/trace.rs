//! A failing history for people: what was not kept, what happened to the sale, and how to see it again.

use std::fmt::Write as _;

use sales_shared::fake::{Entry, Fact};
use sales_shared::sale::SaleId;

use super::{Design, History};

/// Most lines of a trace.
const LINES_MAX: usize = 80;
/// Most violations that are listed.
const VIOLATIONS_MAX: usize = 5;

impl History {
    /// The seed, what was not kept, a short trace of the first sale concerned, and the command that replays it.
    pub fn report(&self) -> String {
        let mut text = String::new();
        let violations = &self.verdict.violations;
        let _ = writeln!(
            text,
            "seed {} ({} design): {} promises not kept",
            self.seed,
            self.design,
            violations.len()
        );
        for violation in violations.iter().take(VIOLATIONS_MAX) {
            let sale = violation.sale.map_or_else(String::new, |id| format!(" (sale {id})"));
            let _ = writeln!(text, "  {}: {}{sale}", violation.check, violation.what);
        }
        if let Some(id) = violations.iter().find_map(|violation| violation.sale) {
            let _ = writeln!(text, "what happened to sale {id}:");
            self.trace(id, &mut text);
        }
        let design = match self.design {
            Design::Current => "",
            Design::Mutated(_) => " --mutations",
            Design::Older => " --design older",
        };
        let _ = write!(text, "replay: drctl simulate --seeds 1 --from {}{design}", self.seed);
        text
    }

    fn trace(&self, id: SaleId, text: &mut String) {
        let lines: Vec<_> = self.ledger.of(id).filter(|entry| tells(entry)).collect();
        for (index, entry) in lines.iter().enumerate() {
            if lines.len() > LINES_MAX && index == LINES_MAX / 2 {
                let _ = writeln!(text, "  … {} lines left out …", lines.len() - LINES_MAX);
            }
            if lines.len() <= LINES_MAX || index < LINES_MAX / 2 || index >= lines.len() - LINES_MAX / 2 {
                let _ = writeln!(
                    text,
                    "  {:>9.3} s  {:<22} {}",
                    entry.at.as_secs_f64(),
                    self.who(entry),
                    entry.fact
                );
            }
        }
    }

    fn who(&self, entry: &Entry) -> String {
        match entry.host.and_then(|id| self.hosts.get(id.0)) {
            Some(host) => format!("{} {}", host.site.name(), host.name),
            None => String::new(),
        }
    }
}

/// Whether an entry helps to understand what happened to one sale. Readings and failed calls of everybody do not.
fn tells(entry: &Entry) -> bool {
    !matches!(
        entry.fact,
        Fact::Read { .. } | Fact::Unanswered { .. } | Fact::Failed { .. } | Fact::Started | Fact::Note(_)
    )
}
