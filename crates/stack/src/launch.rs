//! How a stack comes up: ports, secrets and settings first, then the servers, then sidecars and apps, then the front door.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};

use crate::catcher::Catcher;
use crate::instance::{Instance, part_name};
use crate::notice::{Notice, Progress, State};
use crate::options::{self, Options, Set};
use crate::part::{Order, Part, Program};
use crate::parts::app::Surroundings;
use crate::parts::kafka::{Doors, Kafka, Secured};
use crate::parts::postgres::Postgres;
use crate::parts::{app, daprd, prometheus, redis, scheduler, zipkin};
use crate::ports::{Address, FreePorts, stated};
use crate::run_dir::RunDir;
use crate::secrets::{Addresses, Kept, random_text, write_private};
use crate::stack::{Ports, Stack, join_all};
use crate::suite::Suite;
use crate::tls::Tls;
use crate::{front, maven, running, tools, topics};

/// Lays everything out; only the catchers run when this returns.
pub(crate) async fn prepare(options: Options) -> Result<Stack> {
    let suite = Suite::read(&options.root)?;
    check_names(&options, &suite)?;
    let run = RunDir::take(&options.run_dir)?;
    let mut free = FreePorts::take()?;
    let front = match options.ports {
        options::Ports::Free => free.give()?,
        options::Ports::Stated { front } => stated(front, "the front door")?,
    };
    let at = Ports {
        postgres: free.give()?,
        redis: free.give()?,
        kafka: doors(&options, &mut free)?,
        kafka_secured: free.give()?,
        zipkin: free.give()?,
        prometheus: free.give()?,
        scheduler: scheduler::Ports::take(&mut free)?,
        smtp: free.give()?,
        inbox: free.give()?,
        front,
    };
    let instances = instances(&options, &suite, &run, &mut free)?;

    let apps: Vec<String> = suite.apps.iter().map(|app| app.app_id.clone()).collect();
    let kept = Kept::load(&run.join("kept.json"), &apps)?;
    let tls = if options.set == Set::Cloud { Some(Tls::load(&run).await?) } else { None };
    let kafka = if tls.is_some() { Address::local(at.kafka_secured).to_string() } else { at.brokers(&options.kafka) };
    let addresses = Addresses {
        postgres: Address::local(at.postgres),
        redis: Address::local(at.redis),
        kafka,
        smtp: Address::local(at.smtp),
        inbox: Address::local(at.inbox),
    };
    let secrets = kept.render(&addresses, tls.as_ref())?;
    write_private(&run.join("secrets.json"), &serde_json::to_vec_pretty(&secrets)?)?;
    daprd::forget_names(&run);
    daprd::render_configs(&run, &suite, options.zipkin.then_some(Address::local(at.zipkin)))?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("stack")
        .enable_all()
        .build()
        .context("starting the launcher's own threads")?;
    let password = kept.password("smtp")?.to_owned();
    let catcher =
        Catcher::start(runtime.handle(), run.path.clone(), Some(password), Ipv4Addr::LOCALHOST.into(), at.smtp, at.inbox).await?;
    Ok(Stack {
        options,
        run,
        kept,
        secrets,
        tls,
        at,
        instances,
        parts: Vec::new(),
        catcher,
        runtime: Some(runtime),
        _ports: free,
    })
}

fn doors(options: &Options, free: &mut FreePorts) -> Result<Vec<Doors>> {
    options.kafka.nodes.iter().map(|_| Ok(Doors { broker: free.give()?, controller: free.give()? })).collect()
}

/// A misspelt app would silently be none.
fn check_names(options: &Options, suite: &Suite) -> Result<()> {
    let asked =
        options.replicas.keys().chain(options.apps.iter().flatten()).chain(options.env.keys()).chain(options.commands.keys());
    for name in asked {
        if !suite.apps.iter().any(|app| app.app_id == *name) {
            let known: Vec<&str> = suite.apps.iter().map(|app| app.app_id.as_str()).collect();
            bail!("there is no app {name:?} in dapr.yaml; the apps are {}", known.join(", "));
        }
    }
    Ok(())
}

fn instances(options: &Options, suite: &Suite, run: &RunDir, free: &mut FreePorts) -> Result<Vec<Instance>> {
    let mut instances = Vec::new();
    for app in suite.apps.iter().filter(|app| options.wants(&app.app_id)) {
        for index in 0..options.replicas.get(&app.app_id).copied().unwrap_or(1) {
            let name = part_name(&app.app_id, index);
            let app_port = match options.ports {
                options::Ports::Stated { .. } if index == 0 => stated(app.app_port, &name)?,
                _ => free.give()?,
            };
            instances.push(Instance {
                app: app.app_id.clone(),
                index,
                host: Ipv4Addr::LOCALHOST.into(),
                app_port,
                dapr_http_port: free.give()?,
                dapr_grpc_port: free.give()?,
                dapr_internal_port: free.give()?,
                metrics_port: free.give()?,
                dapr_api_token: random_text()?,
                app_api_token: random_text()?,
                log: run.join(&format!("logs/{name}.log")),
                daprd_log: run.join(&format!("logs/{name}-daprd.log")),
            });
        }
    }
    Ok(instances)
}

/// Starts every part and waits until all are ready.
pub(crate) async fn up(stack: &mut Stack, progress: Progress) -> Result<()> {
    let postgres = Postgres::find(&stack.run, stack.at.postgres)?;
    let servers = servers(stack, &postgres, &progress).await?;
    let server_count = servers.len();
    let programs: Vec<Program> = servers.into_iter().chain(pairs(stack)?).collect();
    running::write(stack, &programs)?;
    let runtime = stack.runtime.as_ref().context("the stack was shut down")?.handle().clone();
    stack.parts = programs.into_iter().map(|program| Part::new(&runtime, program, progress.clone())).collect();
    start_front(stack).await?;

    let (servers, pairs) = stack.parts.split_at(server_count);
    match stack.options.shuffle {
        Some(seed) => {
            for index in shuffled(stack.parts.len(), seed) {
                stack.parts[index].order(Order::Start).await?;
            }
            set_up(stack, &postgres).await?;
        }
        None => {
            all(servers.iter().map(|part| part.order(Order::Start))).await?;
            set_up(stack, &postgres).await?;
            all(pairs.iter().map(|part| part.order(Order::Start))).await?;
        }
    }
    all(stack.parts.iter().map(Part::ready)).await
}

/// The servers in the order of need, each prepared: downloads, data folders and settings.
async fn servers(stack: &Stack, postgres: &Postgres, progress: &Progress) -> Result<Vec<Program>> {
    let (run, options, at) = (&stack.run, &stack.options, &stack.at);
    let tell = |part: &str, what: &str| progress(Notice { part: part.to_owned(), state: State::Preparing(what.to_owned()) });
    let mut programs = Vec::new();
    if postgres.is_new() {
        tell("postgres", "making a data folder");
        postgres.init(stack.kept.password("postgres")?).await?;
    }
    programs.push(postgres.program(run, stack.tls.as_ref())?);
    programs.push(redis::program(run, at.redis, stack.kept.password("redis")?)?);
    if options.set.broker() == "kafka" {
        let (jars, complete) = maven::folder(&options.root, "kafka")?;
        if !complete {
            tell("kafka", "fetching it from Maven, once");
            maven::fetch(&options.root, "kafka", &jars).await?;
        }
        let password = stack.kept.password("kafka")?;
        for (place, node) in options.kafka.nodes.iter().enumerate() {
            let secured = stack.tls.as_ref().map(|tls| Secured { port: at.kafka_secured, tls, password });
            let kafka = Kafka::find(run, jars.clone(), &options.kafka, &at.kafka, place, secured)?;
            tell(&node.name, "preparing its log folder");
            kafka.format(run).await?;
            programs.push(kafka.program(run));
        }
    }
    if options.zipkin {
        let (jars, complete) = maven::folder(&options.root, "zipkin")?;
        if !complete {
            tell("zipkin", "fetching it from Maven, once");
            maven::fetch(&options.root, "zipkin", &jars).await?;
        }
        programs.push(zipkin::program(run, &jars, at.zipkin)?);
    }
    if options.monitoring {
        programs.push(prometheus::program(run, &options.root, &stack.instances, at.prometheus)?);
    }
    if options.jobs {
        programs.push(scheduler::program(run, at.scheduler)?);
    }
    Ok(programs)
}

/// A sidecar and an app for each instance.
fn pairs(stack: &Stack) -> Result<Vec<Program>> {
    let options = &stack.options;
    let suite = Suite::read(&options.root)?;
    // The sidecar's name is checked even when only the parts start: whoever asks for those runs sidecars by hand.
    let daprd = tools::daprd()?;
    let around = Surroundings {
        zipkin_url: stack.options.zipkin.then(|| format!("http://127.0.0.1:{}/api/v2/spans", stack.at.zipkin)),
        public_url: stack.front_url(),
    };
    let scheduler = options.jobs.then_some(stack.at.scheduler.api);
    let mut programs = Vec::new();
    for instance in &stack.instances {
        let app = suite.apps.iter().find(|app| app.app_id == instance.app);
        let app = app.with_context(|| format!("{} has gone from dapr.yaml", instance.app))?;
        programs.push(daprd::program(&stack.run, options, &daprd, &suite, instance, scheduler));
        programs.push(app::program(&stack.run, options, &suite, app, instance, &around)?);
    }
    Ok(programs)
}

async fn start_front(stack: &Stack) -> Result<()> {
    let runtime = stack.runtime.as_ref().context("the stack was shut down")?.handle();
    let suite = Suite::read(&stack.options.root)?;
    let addresses = |app: &str| -> Vec<String> {
        let started = stack.instances.iter().filter(|instance| instance.app == app).map(|instance| instance.app_port);
        // With the parts only, `dapr run -f .` starts the apps on the ports that the file states.
        let stated =
            suite.apps.iter().filter(|other| other.app_id == app && !stack.options.wants(app)).map(|other| other.app_port);
        started.chain(stated).map(|port| Address::local(port).to_string()).collect()
    };
    let listen = (Ipv4Addr::LOCALHOST, stack.at.front).into();
    runtime.spawn(front::start(listen, addresses("gateway"), addresses("realtime"))).await?
}

/// What sidecars expect to find: the database's roles and the topics.
async fn set_up(stack: &Stack, postgres: &Postgres) -> Result<()> {
    let roles = async {
        stack.part("postgres")?.ready().await?;
        postgres.set_up(&stack.options.root, &stack.kept).await
    };
    let topics = async {
        if stack.options.set.broker() == "kafka" {
            let kafka = &stack.options.kafka;
            for node in &kafka.nodes {
                stack.part(&node.name)?.ready().await?;
            }
            topics::create("127.0.0.1", stack.at.broker(kafka)?, &kafka.topics).await?;
        }
        anyhow::Ok(())
    };
    let redis = async { stack.part("redis")?.ready().await };
    let (roles, topics, redis) = tokio::join!(roles, topics, redis);
    roles.and(topics).and(redis)
}

async fn all(futures: impl IntoIterator<Item = impl Future<Output = Result<()>>>) -> Result<()> {
    join_all(futures).await.into_iter().collect()
}

/// The numbers below `count` in an order that the seed decides (xorshift).
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut state = seed | 1;
    let mut keyed: Vec<(u64, usize)> = (0..count)
        .map(|index| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state, index)
        })
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::shuffled;

    #[test]
    fn a_seed_decides_an_order_that_holds_each_part_once() {
        let mut order = shuffled(20, 7);
        assert_eq!(order, shuffled(20, 7));
        assert_ne!(order, shuffled(20, 8));
        order.sort_unstable();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    }
}
