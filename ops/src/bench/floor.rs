//! The floor as a process: a hidden command that makes the bare calls with so many sales at once.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sales_shared::aws::Clients;
use sales_shared::aws::floor::{Floor, Message};
use sales_shared::config::{Environment, Reader, Service, SharedSettings};
use sales_shared::ports::QUEUE_BATCH_MAX;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Sales in work for each task that receives: as the worker has it.
const CONCURRENCY_PER_RECEIVER: usize = 16;
/// Most such tasks.
const RECEIVERS_MAX: usize = 8;
/// Wait after an empty receive.
const EMPTY_PAUSE: Duration = Duration::from_millis(20);

/// What is done.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The two calls of the api.
    Accept,
    /// The calls of the worker.
    Process,
}

/// Options of the hidden command.
#[derive(clap::Args, Debug)]
pub struct Args {
    part: Part,
    /// Sales at once.
    concurrency: usize,
    /// Sales in all; `process` goes on until it is killed.
    sales: usize,
}

/// Runs it.
///
/// # Errors
/// A bad environment, or a call that failed.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::new(&Environment);
    let settings = SharedSettings::read(&mut reader, Service::Both, 0);
    let settings = reader.finish(settings)?;
    let floor = Arc::new(Floor::new(&Clients::connect(&settings.sites, &settings.aws).await));
    match args.part {
        Part::Accept => accept(&floor, &args).await?,
        Part::Process => process(floor, args.concurrency).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn accept(floor: &Arc<Floor>, args: &Args) -> anyhow::Result<()> {
    let process = std::process::id();
    let one = |turn: usize| {
        let floor = floor.clone();
        let id = format!("{process:08x}-0000-7000-8000-{turn:012x}");
        let body = format!(
            "{{\"version\":1,\"id\":\"{id}\",\"product\":\"Book\",\"amount\":223.34,\"sale_processed\":false,\"timestamp\":1767225600,\"created_at\":\"2026-01-01T00:00:00.000Z\",\"owner_region\":\"sa-east-1\"}}"
        );
        async move {
            tokio::spawn(async move { floor.accept(&id, &body).await }).await?.map_err(anyhow::Error::from)
        }
    };
    stream::iter((0..args.sales).map(one)).buffer_unordered(args.concurrency).try_collect().await
}

async fn process(floor: Arc<Floor>, concurrency: usize) -> anyhow::Result<()> {
    let (messages, received) = mpsc::channel::<Message>(QUEUE_BATCH_MAX);
    let (done, receipts) = mpsc::channel::<String>(concurrency + QUEUE_BATCH_MAX);
    let received = Arc::new(Mutex::new(received));
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency.div_ceil(CONCURRENCY_PER_RECEIVER).clamp(1, RECEIVERS_MAX) {
        tasks.spawn(receive(floor.clone(), messages.clone()));
    }
    for _ in 0..concurrency {
        tasks.spawn(work(floor.clone(), received.clone(), done.clone()));
    }
    tasks.spawn(delete(floor, receipts));
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn receive(floor: Arc<Floor>, messages: mpsc::Sender<Message>) -> anyhow::Result<()> {
    loop {
        let batch = floor.receive().await?;
        if batch.is_empty() {
            tokio::time::sleep(EMPTY_PAUSE).await;
        }
        for message in batch {
            messages.send(message).await?;
        }
    }
}

async fn work(
    floor: Arc<Floor>,
    received: Arc<Mutex<mpsc::Receiver<Message>>>,
    done: mpsc::Sender<String>,
) -> anyhow::Result<()> {
    loop {
        let next = received.lock().await.recv().await;
        let Some(message) = next else { return Ok(()) };
        let sale: Value = serde_json::from_str(&message.body)?;
        floor.process(sale["id"].as_str().unwrap_or_default(), &message.body).await?;
        done.send(message.receipt).await?;
    }
}

/// As many at once as are there, up to ten: those that come meanwhile wait for the next batch.
async fn delete(floor: Arc<Floor>, mut receipts: mpsc::Receiver<String>) -> anyhow::Result<()> {
    /// How long a batch may fill, as the worker's does.
    const FILL: Duration = Duration::from_millis(50);
    let mut deletes = JoinSet::new();
    while let Some(first) = receipts.recv().await {
        let mut batch = vec![first];
        let full = async {
            while batch.len() < QUEUE_BATCH_MAX {
                let Some(next) = receipts.recv().await else { break };
                batch.push(next);
            }
        };
        // A batch that is not full by then goes as it is.
        let _ = tokio::time::timeout(FILL, full).await;
        let floor = floor.clone();
        deletes.spawn(async move { floor.delete(&batch).await });
        while deletes.try_join_next().is_some() {}
    }
    Ok(())
}
