//! `drctl up`: two regions on this machine.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use sales_shared::aws::provision::{Site, provision};
use sales_shared::config::duration;
use sales_shared::shutdown;
use sales_shared::telemetry::{init_logs, print_line};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::deployment::{DEFAULT_ENDPOINT, DEFAULT_REGIONS, plan};
use crate::embedded::{EmbeddedAws, Options, StartError, TableConsistency};
use crate::provisioning::{Consistency, environment_file, initial_states, write_files};
use crate::style;

/// Options.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// First port of the services: apis on it and the next, workers ten further. With another base than 8080, the embedded
    /// AWS moves along (base + 20)
    #[arg(long, default_value_t = DEFAULT_PORT_BASE)]
    pub port_base: u16,
    /// Port of the embedded AWS
    #[arg(long, value_name = "PORT")]
    pub aws_port: Option<u16>,
    /// The region that begins as ACTIVE, or `both`, or `none`
    #[arg(long, value_name = "REGION|both|none", default_value = DEFAULT_REGIONS[0])]
    pub active: String,
    /// How the replicas of the tables agree
    #[arg(long, value_enum, default_value_t = Consistency::Eventual)]
    pub table_consistency: Consistency,
    /// How far the other region's tables and buckets lag behind
    #[arg(long, value_name = "DURATION", default_value = "200ms")]
    pub replication_lag: String,
    /// Start the embedded AWS alone, and print the environment for services of your own
    #[arg(long)]
    pub no_services: bool,
    /// Post so many sales once everything runs
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "no_services")]
    pub seed_sales: u32,
    /// Write REGION.env for each region and stack.json into this directory
    #[arg(long, value_name = "DIR")]
    pub env_dir: Option<PathBuf>,
    /// What the services log, to standard error
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    pub log_level: String,
}

/// First port of the services.
pub const DEFAULT_PORT_BASE: u16 = 8080;
/// Port of the embedded AWS beside the default services.
const DEFAULT_AWS_PORT: u16 = 4566;
/// Where the workers' ports begin, from the base.
const WORKERS_AT: u16 = 10;
/// Where the embedded AWS is with another base.
const AWS_AT: u16 = 20;
/// Most sales of `--seed-sales` under way at once.
const SEED_CONCURRENCY: usize = 16;

/// Ports of one region's services.
#[derive(Clone, Copy, Debug)]
struct Ports {
    api: u16,
    worker: u16,
}

/// Starts everything, and stops it in order when told to.
///
/// # Errors
/// A taken port, or anything that did not start.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let stop = shutdown::on_signal()?;
    init_logs(sales_shared::config::LogFormat::Text, &args.log_level);
    // Every port is taken before anything starts, so that a taken one is told at once.
    let ports = [0, 1].map(|i| Ports { api: args.port_base + i, worker: args.port_base + WORKERS_AT + i });
    let mut listeners = Vec::new();
    if !args.no_services {
        for port in ports.iter().flat_map(|ports| [ports.api, ports.worker]) {
            listeners.push(listen(port, "--port-base").await?);
        }
    }
    let aws = start_aws(&args).await?;
    let sites = provision_sites(&args, &aws).await?;
    if let Some(directory) = &args.env_dir {
        write_files(directory, &sites)?;
    }
    if args.no_services {
        sites.iter().for_each(|site| print_line(&environment_file(site)));
        print_line(&format!("AWS alone on {}; Ctrl-C stops it", aws.endpoint_url()));
        stop.cancelled().await;
        aws.stop().await;
        return Ok(ExitCode::SUCCESS);
    }
    let mut services = start_services(&sites, listeners, &args, &stop);
    let states = initial_states(&args.active, &sites.each_ref().map(|site| site.region.clone()))?;
    print_line(&addresses(&aws, &sites, &ports, &states.map(|state| state.to_string())));
    print_line(&commands(&aws, &sites, &ports, &args.active));
    let ended = tokio::select! {
        result = seed(args.seed_sales, ports[0].api) => {
            result?;
            tokio::select! {
                () = stop.cancelled() => None,
                ended = services.join_next() => ended,
            }
        }
        () = stop.cancelled() => None,
        ended = services.join_next() => ended,
    };
    // A service may have heard of the stop first.
    let ended = ended.filter(|_| !stop.is_cancelled());
    stop.cancel();
    print_line("stopping…");
    while services.join_next().await.is_some() {}
    aws.stop().await;
    match ended {
        None => Ok(ExitCode::SUCCESS),
        Some(service) => {
            service.context("a service panicked")??;
            anyhow::bail!("a service ended by itself")
        }
    }
}

async fn listen(port: u16, option: &str) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == io::ErrorKind::AddrInUse {
            anyhow::anyhow!("port {port} is taken by another process; choose others with {option} N")
        } else {
            anyhow::anyhow!("cannot listen on {address}: {error}; choose other ports with {option} N")
        }
    })
}

async fn start_aws(args: &Args) -> anyhow::Result<EmbeddedAws> {
    let moved = args.port_base != DEFAULT_PORT_BASE;
    let port = args.aws_port.unwrap_or(if moved { args.port_base + AWS_AT } else { DEFAULT_AWS_PORT });
    let lag = duration(&args.replication_lag).map_err(|why| anyhow::anyhow!("--replication-lag {why}"))?;
    let options = Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        regions: DEFAULT_REGIONS.map(str::to_owned),
        table_consistency: match args.table_consistency {
            Consistency::Eventual => TableConsistency::Eventual,
            Consistency::Strong => TableConsistency::Strong,
        },
        table_lag: lag,
        bucket_lag: lag,
    };
    EmbeddedAws::start(options).await.map_err(|error| match error {
        StartError::PortTaken { address } => anyhow::anyhow!(
            "{address} is taken by another process (another `drctl up`?); choose other ports with --port-base N or --aws-port N"
        ),
        StartError::Bind { .. } | StartError::SameRegion(_) => error.into(),
    })
}

async fn provision_sites(args: &Args, aws: &EmbeddedAws) -> anyhow::Result<[Site; 2]> {
    let strong = args.table_consistency == Consistency::Strong;
    let mut plan = plan(&aws.endpoint_url(), [sales_shared::region::RegionState::Passive; 2], strong);
    plan.initial_states = initial_states(&args.active, &plan.regions).context("--active")?;
    provision(&plan).await.context("provisioning the embedded AWS")
}

/// The services as in production: the same entry points, configured by the same variables.
fn start_services(
    sites: &[Site; 2],
    listeners: Vec<TcpListener>,
    args: &Args,
    stop: &CancellationToken,
) -> JoinSet<anyhow::Result<()>> {
    let mut services = JoinSet::new();
    let mut listeners = listeners.into_iter();
    for site in sites {
        let environment = service_environment(site, args);
        let (api, worker) = (listeners.next(), listeners.next());
        let serving = sales_api::run(&environment, api, stop.clone());
        services.spawn(async move { serving.await.context("an api failed") });
        let working = sales_worker::run(&environment, worker, stop.clone());
        services.spawn(async move { working.await.map(drop).context("a worker failed") });
    }
    services
}

/// A laptop's long poll is short, so that Ctrl-C does not have to wait for it.
fn service_environment(site: &Site, args: &Args) -> BTreeMap<String, String> {
    let mut environment = site.environment.clone();
    let more = [
        ("LONG_POLL", "1s"),
        ("LISTEN_ADDRESS", "127.0.0.1"),
        ("LOG_FORMAT", "text"),
        ("LOG_LEVEL", &args.log_level),
    ];
    environment.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment
}

fn addresses(aws: &EmbeddedAws, sites: &[Site; 2], ports: &[Ports; 2], states: &[String; 2]) -> String {
    let mut rows = vec![["", "state", "api", "worker"].map(str::to_owned).to_vec()];
    for (index, site) in sites.iter().enumerate() {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        rows.push(vec![
            site.region.to_string(),
            states[index].clone(),
            url(ports[index].api),
            url(ports[index].worker),
        ]);
    }
    rows.push(vec!["AWS".to_owned(), "embedded".to_owned(), aws.endpoint_url(), String::new()]);
    style::table(&rows)
}

fn commands(aws: &EmbeddedAws, sites: &[Site; 2], ports: &[Ports; 2], active: &str) -> String {
    let endpoint = aws.endpoint_url();
    let option = if endpoint == DEFAULT_ENDPOINT { String::new() } else { format!(" --endpoint {endpoint}") };
    let other =
        sites.iter().find(|site| site.region.as_str() != active).map_or("both", |site| site.region.as_str());
    let post = format!(
        "curl -i 127.0.0.1:{}/sales -H 'content-type: application/json' -d '{{\"product\":\"Book\",\"amount\":223.34}}'",
        ports[0].api
    );
    let lines = [
        ("post a sale", post),
        ("flip the region", format!("cargo run -p drctl --{option} flip --to {other}")),
        ("look", format!("cargo run -p drctl --{option} status")),
    ];
    let mut text = String::from("\n");
    for (what, command) in lines {
        text += &format!("  {}  {command}\n", style::bold(&format!("{what:15}")));
    }
    text + "\n  Ctrl-C stops everything; nothing is kept."
}

/// Posts sales, so that there is something to look at.
async fn seed(count: u32, port: u16) -> anyhow::Result<()> {
    use futures::stream::{self, StreamExt as _, TryStreamExt as _};
    if count == 0 {
        return Ok(());
    }
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
    let post = |n: u32| {
        let body = serde_json::json!({ "product": format!("Sale {n}"), "amount": format!("{}.{:02}", n % 1000 + 1, n % 100) });
        let request = client.post(format!("http://127.0.0.1:{port}/sales")).json(&body);
        async move { request.send().await?.error_for_status().map(drop) }
    };
    stream::iter((0..count).map(post)).buffer_unordered(SEED_CONCURRENCY).try_collect::<()>().await?;
    print_line(&format!("  {count} sales posted"));
    Ok(())
}
