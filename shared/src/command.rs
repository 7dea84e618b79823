//! The command line of the two services: they are configured by the environment alone, so there is little of it.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::config::{
    EXIT_BAD_CONFIGURATION, Environment, Faults, Reader, Service, Source, VARIABLES, Variable, number,
    variables,
};
use crate::telemetry::print_line;
use crate::{health_check, shutdown};

/// What is particular to one service.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Name of the binary.
    pub name: &'static str,
    /// Version of the release.
    pub version: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Whose variables it reads.
    pub service: Service,
    /// The port it listens on unless told otherwise.
    pub default_port: u16,
}

/// What a process was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// To serve.
    Serve,
    /// To say what it reads.
    Help,
    /// To say which release it is.
    Version,
    /// To ask the process that serves whether it lives.
    HealthCheck,
}

/// Arguments that mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}: --help lists what there is")]
pub struct UnknownArgument(pub String);

impl Invocation {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    /// [`UnknownArgument`], the first one.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, UnknownArgument> {
        let mut invocation = Invocation::Serve;
        for argument in arguments {
            let asked = match argument.as_str() {
                "--help" | "-h" => Invocation::Help,
                "--version" | "-V" => Invocation::Version,
                "--health-check" => Invocation::HealthCheck,
                _ => return Err(UnknownArgument(argument)),
            };
            if invocation == Invocation::Serve {
                invocation = asked;
            }
        }
        Ok(invocation)
    }
}

/// Why a service ended otherwise than asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The process's exit code.
    pub code: u8,
    /// What to tell.
    pub message: String,
}

impl Program {
    /// What a service's `main` does: reads the arguments, and serves until a signal if there are none.
    pub fn main<F>(&self, serve: impl FnOnce(CancellationToken) -> F) -> ExitCode
    where
        F: Future<Output = Result<(), Failure>>,
    {
        let done = match Invocation::parse(std::env::args().skip(1)) {
            Ok(Invocation::Serve) => in_runtime(serve),
            Ok(Invocation::Help) => {
                print_line(&self.help());
                Ok(())
            }
            Ok(Invocation::Version) => {
                print_line(&self.version_line());
                Ok(())
            }
            Ok(Invocation::HealthCheck) => self.check_health(),
            Err(unknown) => Err(Failure { code: EXIT_BAD_CONFIGURATION, message: unknown.to_string() }),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("{}: {}", self.name, failure.message);
                ExitCode::from(failure.code)
            }
        }
    }

    fn check_health(&self) -> Result<(), Failure> {
        let failure = |code, message: String| Failure { code, message };
        let address = self.local_address(&Environment);
        let address = address.map_err(|faults| failure(EXIT_BAD_CONFIGURATION, faults.to_string()))?;
        match health_check::is_alive(address) {
            Ok(true) => Ok(()),
            Ok(false) => Err(failure(1, format!("{address} answered, but not with 200"))),
            Err(error) => Err(failure(1, format!("{address}: {error}"))),
        }
    }

    /// What `--version` prints.
    pub fn version_line(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// What `--help` prints: every variable that the service reads, with its default.
    pub fn help(&self) -> String {
        let mut text = format!(
            "{}: {}\n\nUsage: {} [--help | --version | --health-check]\n\n  --health-check  ask the process that serves on this host's PORT whether it lives; exit code 0 or 1\n\nIt is configured by the environment:\n",
            self.version_line(),
            self.about,
            self.name
        );
        let read = || VARIABLES.iter().filter(|variable| variable.service.includes(self.service));
        let width = read().map(|variable| variable.name.len()).max().unwrap_or(0);
        for variable in read() {
            let (name, default) = (variable.name, self.default_of(variable));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:width$}  {}{default}", variable.help);
        }
        text.push_str("\nExit codes: 0 stopped as asked, 1 failed, 64 bad configuration or usage.");
        text
    }

    fn default_of(&self, variable: &Variable) -> String {
        match (variable.default, variable.required) {
            (_, true) => " [required]".to_owned(),
            (Some(default), false) => format!(" [default: {default}]"),
            (None, false) if variable.name == variables::PORT.name => {
                format!(" [here: {}]", self.default_port)
            }
            (None, false) => " [optional]".to_owned(),
        }
    }

    /// Where a health check on this host reaches the process that serves: the address it listens on, or the loopback
    /// address if it listens on all.
    ///
    /// # Errors
    /// When `PORT` or `LISTEN_ADDRESS` is malformed. The rest of the configuration is not looked at.
    pub fn local_address(&self, source: &dyn Source) -> Result<SocketAddr, Faults> {
        let mut reader = Reader::new(source);
        let address = reader.required(&variables::LISTEN_ADDRESS, |text| {
            text.parse::<IpAddr>().map_err(|_| format!("is {text:?}: an IP address is expected"))
        });
        let port =
            reader.optional(&variables::PORT, |text| number(text, 0, u16::MAX)).unwrap_or(self.default_port);
        let reachable = |ip: IpAddr| if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
        reader.finish(address.map(|ip| SocketAddr::new(reachable(ip), port)))
    }
}

fn in_runtime<F>(serve: impl FnOnce(CancellationToken) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let failure = |error: std::io::Error| Failure { code: 1, message: error.to_string() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failure)?;
    runtime.block_on(async { serve(shutdown::on_signal().map_err(failure)?).await })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const PROGRAM: Program = Program {
        name: "sales-api",
        version: "1.2.3",
        about: "takes sales",
        service: Service::Api,
        default_port: 8080,
    };

    fn parse(arguments: &[&str]) -> Result<Invocation, UnknownArgument> {
        Invocation::parse(arguments.iter().map(|a| (*a).to_owned()))
    }

    #[test]
    fn the_help_lists_every_variable_that_the_service_reads_and_no_other() {
        let help = PROGRAM.help();
        for variable in VARIABLES {
            let listed = help.lines().any(|line| line.split_whitespace().next() == Some(variable.name));
            assert_eq!(listed, variable.service.includes(Service::Api), "{}", variable.name);
        }
        assert!(
            help.contains("STATE_TTL ") && help.contains("[default: 5s]") && help.contains("[here: 8080]")
        );
    }

    #[test]
    fn an_argument_that_means_nothing_is_refused() {
        assert_eq!(parse(&[]), Ok(Invocation::Serve));
        assert_eq!(parse(&["--help"]), Ok(Invocation::Help));
        assert_eq!(parse(&["--version"]), Ok(Invocation::Version));
        assert_eq!(parse(&["--health-check"]), Ok(Invocation::HealthCheck));
        assert_eq!(parse(&["--help", "--port"]), Err(UnknownArgument("--port".to_owned())));
    }

    #[test]
    fn a_health_check_asks_where_the_service_listens() {
        let mut source = BTreeMap::new();
        assert_eq!(PROGRAM.local_address(&source).unwrap().to_string(), "127.0.0.1:8080");
        source.insert("PORT".to_owned(), "9000".to_owned());
        source.insert("LISTEN_ADDRESS".to_owned(), "127.0.0.2".to_owned());
        assert_eq!(PROGRAM.local_address(&source).unwrap().to_string(), "127.0.0.2:9000");
        source.insert("PORT".to_owned(), "http".to_owned());
        assert!(PROGRAM.local_address(&source).is_err());
    }
}
