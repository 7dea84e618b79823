//! Configuration from the environment: one table of variables, from which `--help`, the README's table, the
//! infrastructure's list and the readers all come. All faults are reported at once, before anything is touched.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub mod service;
pub mod variables;

pub use service::{AwsSettings, LogFormat, SharedSettings, Timings, WorkerSettings};
pub use variables::{Service, VARIABLES, Variable};

/// Exit code for a bad configuration: `EX_USAGE` of sysexits.h.
pub const EXIT_BAD_CONFIGURATION: u8 = 64;

/// Where variables are read from: the environment in `main`, a map in tests.
pub trait Source {
    /// The variable's value, if it is set and not empty.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of the process.
#[derive(Clone, Copy, Debug)]
pub struct Environment;

impl Source for Environment {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.trim().is_empty())
    }
}

impl Source for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).filter(|value| !value.trim().is_empty()).cloned()
    }
}

/// All that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Each fault, a sentence that begins with the variable's name.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has {} fault(s):", self.0.len())?;
        for fault in &self.0 {
            writeln!(f, "  {fault}")?;
        }
        f.write_str("--help lists every variable with its default")
    }
}

/// Reads variables and collects what is wrong with them.
pub struct Reader<'a> {
    source: &'a dyn Source,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Over a source, with no faults yet.
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, faults: Vec::new() }
    }

    /// The value as written, or the table's default.
    pub fn text(&mut self, variable: &Variable) -> Option<String> {
        let value = self.source.get(variable.name).map(|v| v.trim().to_owned());
        value.or_else(|| variable.default.map(str::to_owned))
    }

    /// A value that must be there.
    pub fn required<T>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match self.text(variable) {
            Some(value) => self.keep(variable, parse(&value)),
            None => {
                self.fault(variable.name, &format!("is not set: {}", variable.help));
                None
            }
        }
    }

    /// A value that may be absent.
    pub fn optional<T>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.text(variable)?;
        self.keep(variable, parse(&value))
    }

    /// Notes a fault.
    pub fn fault(&mut self, name: &str, what: &str) {
        self.faults.push(format!("{name} {what}"));
    }

    /// Notes a fault unless the relation holds.
    pub fn relation(&mut self, holds: bool, sentence: &str) {
        if !holds {
            self.faults.push(sentence.to_owned());
        }
    }

    /// The settings, if nothing was wrong.
    ///
    /// # Errors
    /// All the faults.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, Faults> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            Some(_) | None => Err(Faults(self.faults)),
        }
    }

    fn keep<T>(&mut self, variable: &Variable, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|why| self.fault(variable.name, &why)).ok()
    }
}

/// Reads a duration with its unit: `200ms`, `5s`, `2m`, `1h`, `30d`.
///
/// # Errors
/// A sentence that says what is expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("is {text:?}: a duration with its unit is expected, like 200ms, 5s, 2m, 1h or 30d");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis_per_unit).map(Duration::from_millis).ok_or_else(wrong)
}

/// Reads a whole number within bounds.
///
/// # Errors
/// A sentence that says what is expected.
pub fn number<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let within = text.parse().ok().filter(|n| (&least..=&most).contains(&n));
    within.ok_or_else(|| format!("is {text:?}: a whole number from {least} to {most} is expected"))
}

/// Reads one of a few words.
///
/// # Errors
/// A sentence that names them.
pub fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("is {text:?}: one of {} is expected", known.join(", "))
    })
}

#[cfg(test)]
mod tests;
