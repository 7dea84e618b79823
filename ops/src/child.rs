//! A service as a process of its own, so that it can be killed, and its time and memory be read from the kernel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use sales_shared::config::{Environment, VARIABLES};
use sales_shared::shutdown;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// Which service.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `sales-api`.
    Api,
    /// `sales-worker`.
    Worker,
}

/// Options of the hidden command that a child is started with.
#[derive(clap::Args, Debug)]
pub struct Args {
    service: Service,
}

/// How long a child may take to answer its first request.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Time between two looks at whether it does. Short, since the time to the first answer is measured.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Runs one service as configured by the environment, until a signal or until whoever started it is gone.
///
/// # Errors
/// What the service ended with.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let stop = shutdown::on_signal()?;
    let orphaned = stop.clone();
    // Standard input ends with the parent, however that ends.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        orphaned.cancel();
    });
    match args.service {
        Service::Api => sales_api::run(&Environment, None, stop).await?,
        Service::Worker => drop(sales_worker::run(&Environment, None, stop).await?),
    }
    Ok(ExitCode::SUCCESS)
}

/// What to start.
#[derive(Clone, Debug)]
pub enum Program {
    /// A service within this executable.
    Own(Service),
    /// An executable of its own.
    File(PathBuf),
    /// A line for the shell.
    Shell(String),
}

impl Program {
    fn command(&self) -> anyhow::Result<Command> {
        Ok(match self {
            Program::Own(service) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("service").arg(match service {
                    Service::Api => "api",
                    Service::Worker => "worker",
                });
                command
            }
            Program::File(path) => Command::new(path),
            Program::Shell(line) => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(format!("exec {line}"));
                command
            }
        })
    }

    /// The executable of a service beside this one.
    ///
    /// # Errors
    /// When it has not been built.
    pub fn beside(name: &str) -> anyhow::Result<Self> {
        let path = std::env::current_exe()?.with_file_name(name);
        if !Path::new(&path).exists() {
            bail!(
                "{} is not there: `cargo build --release -p sales-api -p sales-worker -p drctl`",
                path.display()
            );
        }
        Ok(Program::File(path))
    }
}

/// A running child. Dropping it kills it.
pub struct Process {
    child: Child,
    /// Its port; 0 if it serves nothing.
    pub port: u16,
    /// Its address.
    pub url: String,
    /// How long it took to answer.
    pub started_in: Duration,
}

impl Process {
    /// Starts a service on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When it ends before that, or takes too long.
    pub async fn serve(program: &Program, environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        Self::serve_on(port, program, environment).await
    }

    /// The same on a port of one's choice.
    ///
    /// # Errors
    /// As [`Process::serve`].
    pub async fn serve_on(
        port: u16,
        program: &Program,
        environment: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let more = [("PORT", port.to_string()), ("LISTEN_ADDRESS", "127.0.0.1".to_owned())];
        let mut environment = environment.clone();
        environment.extend(more.map(|(name, value)| (name.to_owned(), value)));
        let begun = Instant::now();
        let mut process = Self::start(program, &environment, &[])?;
        process.port = port;
        process.url = format!("http://127.0.0.1:{port}");
        process.until_alive(begun).await?;
        Ok(process)
    }

    /// Starts a child with exactly these of the services' variables.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        program: &Program,
        environment: &BTreeMap<String, String>,
        arguments: &[String],
    ) -> anyhow::Result<Self> {
        let mut command = program.command()?;
        for variable in VARIABLES {
            command.env_remove(variable.name);
        }
        command.args(arguments).envs(environment);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot start {program:?}"))?;
        Ok(Self { child, port: 0, url: String::new(), started_in: Duration::ZERO })
    }

    async fn until_alive(&mut self, begun: Instant) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(1)).build()?;
        let url = format!("{}/healthcheck", self.url);
        while begun.elapsed() < START_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                bail!("a service ended at its start: {status}");
            }
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                self.started_in = begun.elapsed();
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        bail!("{url} did not answer within {} s", START_LIMIT.as_secs())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its process id, and those of the processes that it has started, which a line for the shell may have. Empty but for its own
    /// where there is no `/proc`.
    pub fn family(&self) -> Vec<u32> {
        let mut family = vec![self.id()];
        let parents = parents();
        let mut looked_at = 0;
        while let Some(parent) = family.get(looked_at).copied() {
            family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
            looked_at += 1;
        }
        family
    }

    /// Ends it and its family at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let family = self.family();
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let [_, others @ ..] = family.as_slice()
            && !others.is_empty()
        {
            let _ = Command::new("kill").arg("-9").args(others.iter().map(u32::to_string)).status();
        }
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let of = |entry: std::io::Result<std::fs::DirEntry>| {
        let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may hold anything; state and parent follow it.
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        Some((process, parent))
    };
    entries.filter_map(of).collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
